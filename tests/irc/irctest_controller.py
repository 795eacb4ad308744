"""Lets irctest drive the gateway."""

import itertools

import gateway
from irctest.basecontrollers import BaseServerController, NotImplementedByController

CHANNELS = ("chan", "chan1", "chan2", "chan3")


class GatewayController(BaseServerController):
    software_name = "i3-gateway"
    supported_sasl_mechanisms = {"PLAIN"}
    router = None
    numbers = itertools.count(1)

    def __init__(self):
        super().__init__()
        self.gateway = None

    def run(self, hostname, port, password=None, ssl=False, restricted_metadata_keys=(), valid_metadata_keys=(),
            invalid_metadata_keys=()):
        if ssl:
            raise NotImplementedByController("TLS")
        cls = type(self)
        cls.router = cls.router or gateway.Router(*CHANNELS)
        # The router keeps the password of each mud, and the gateway of a test keeps nothing.
        name = "IrcTest%d" % next(cls.numbers)
        self.gateway = gateway.Gateway(cls.router, name, key=password or "", port=port)
        self.proc = self.gateway.process
        self.port = port
        self.port_open = True

    def kill(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def registerUser(self, case, username, password=None):
        # A key of the gateway has at least 8 characters, and those of the cases have fewer.
        raise NotImplementedByController("registration of accounts")


def get_irctest_controller_class():
    return GatewayController

"""Lets irctest drive the gateway."""

import itertools

import gateway
from irctest.basecontrollers import BaseServerController, NotImplementedByController

CHANNELS = ("chan", "chan1", "chan2", "chan3")


class GatewayController(BaseServerController):
    software_name = "i3-gateway"
    supported_sasl_mechanisms = {"PLAIN"}
    numbers = itertools.count(1)

    def __init__(self):
        super().__init__()
        self.router = self.gateway = None

    def run(self, hostname, port, password=None, ssl=False, restricted_metadata_keys=(), valid_metadata_keys=(),
            invalid_metadata_keys=()):
        if ssl:
            raise NotImplementedByController("TLS")
        # A router lets only so many muds of one address register, so each case has its own.
        self.router = gateway.Router(*CHANNELS)
        name = "IrcTest%d" % next(type(self).numbers)
        self.gateway = gateway.Gateway(self.router, name, key=password or "", port=port)
        self.proc = self.gateway.process
        self.port = port
        self.port_open = True

    def kill(self):
        for one in filter(None, (self.gateway, self.router)):
            one.stop()
        self.router = self.gateway = None

    def registerUser(self, case, username, password=None):
        # A key of the gateway has at least 8 characters, and those of the cases have fewer.
        raise NotImplementedByController("registration of accounts")


def get_irctest_controller_class():
    return GatewayController

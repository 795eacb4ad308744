export { I3Client } from "./client.js";
export { KEPT, METHODS } from "./api.js";
export {
  CallTimeout,
  ClientClosed,
  ConnectionLost,
  GatewayError,
  I3Error,
  InternalError,
  InvalidParams,
  InvalidRequest,
  MethodNotFound,
  NotAuthenticated,
  NotConnected,
  PermissionDenied,
  RateLimited,
  RpcError,
  SessionExpired,
} from "./errors.js";

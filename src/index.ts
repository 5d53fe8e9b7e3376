export { MCPServer } from "./server/mcp-server.js";
export type {
  McpServerConfig,
  Setup,
  SseTransportConfig,
  StdioTransportConfig,
} from "./server/mcp-server.js";
export type { RouterSignIn } from "./express/router-sign-in.js";
export { createSseRouter } from "./express/router.js";
export type { SseRouter } from "./express/sse-router.js";
export { SSEServerTransport } from "./sse/sse-server-transport.js";
export type { SSEServerTransportOptions } from "./sse/transport-options.js";
export { authInfoFor, principalOf } from "./auth/principal.js";
export type { AuthInfo, Principal, PrincipalInit } from "./auth/principal.js";
export { EXPIRED_CREDENTIAL } from "./auth/expired-credential.js";
export type {
  AuthEndpoints,
  AuthMethod,
  Challenge,
  FoundCredential,
  PassportStrategy,
  ScopeRule,
} from "./auth/auth-method.js";
export { apikey } from "../strategies/apikey.js";
export type { ApiKeyEntry, ApiKeyOptions, VerifyApiKey } from "../strategies/apikey.js";
export type { AuthConfig, AuthEntry } from "../strategies/index.js";
export { jwt } from "../strategies/jwt.js";
export type { JwtOptions } from "../strategies/jwt.js";
export { oauth } from "../strategies/oauth.js";
export type {
  AudienceClaim,
  AudienceRule,
  OAuthContext,
  OAuthOptions,
  StrategySignInAuthOptions,
  TokenValidation,
} from "../strategies/oauth.js";
export { FileStorage } from "../strategies/storage/file-storage.js";
export type { FileStorageOptions } from "../strategies/storage/file-storage.js";
export type { SignInKeys } from "../strategies/oauth/options/signing-key.js";
export type { LoginField } from "../strategies/oauth/options/sign-in-config.js";
export type { SignInProfile } from "../strategies/oauth/sign-in/storage/login.js";
export type { SignInAdvancedOptions } from "../strategies/oauth/options/sign-in-config.js";
export type { SignInOptions } from "../strategies/oauth/options/sign-in-options.js";
export { MemoryStorage } from "../strategies/storage/storage.js";
export type { MemoryStorageOptions } from "../strategies/storage/storage.js";
export type { SignInStorage } from "../strategies/storage/sign-in-storage.js";
export { fromPassport } from "../strategies/passport.js";
export type { FromPassportOptions } from "../strategies/passport.js";
export { McpSseError } from "./shared/errors.js";
export type { ErrorCode } from "./shared/errors.js";
export type { AdvancedOptions } from "./options/advanced-options.js";
export type { CorsOptions } from "./options/cors-options.js";
export type { SseOptions } from "./options/options.js";
export type { McpServerLike } from "./http/router-session.js";
export type { ResumeConfig } from "./options/resume-options.js";
export type { SessionOptions } from "./options/session-options.js";
export type { ThrottleConfig } from "./options/throttle-options.js";
export type { SseRouterOptions } from "./express/router-options.js";
export type { HttpTimesConfig, SseServerOptions } from "./server/server-options.js";
export type { Logger } from "./shared/logger.js";
export type { LimitReached, SessionEvents } from "./session/session-events.js";
export type { SessionRegistry } from "./session/registry.js";
export type { SessionSummary } from "./session/session-facts.js";
export type { ClientInfo } from "./session/session-info.js";
export type { CloseReason } from "./session/close-reason.js";
export type { SessionInfo, SessionState } from "./session/session-info.js";
export type { PrincipalListener } from "./session/session-info.js";
export { fromToolClasses } from "./server/tool-classes.js";
export type { ToolClass, ToolInstance } from "./server/tool-classes.js";
export type { UpstreamToken } from "./shared/upstream-token.js";
export type { MessageExtra, RequestInfo } from "./http/message-extra.js";

/**
 * What `import … from "express-mcp-sse"` gives.
 *
 * @module express-mcp-sse
 */

// Ways to serve: a server of its own, a router in an Express app, the SDK's transport.
export { MCPServer } from "./server/mcp-server.js";
export type { MCPServerClass } from "./server/mcp-server.js";
export type {
  HttpStreamTransportConfig,
  McpServerConfig,
  SdkMcpServer,
  Setup,
  SseTransportConfig,
  StdioTransportConfig,
} from "./server/mcp-server-config.js";
export { fromToolClasses } from "./server/tool-classes.js";
export type { ToolClass, ToolInstance, ToolServer } from "./server/tool-classes.js";
export { createMcpRouter } from "./express/mcp-router.js";
export type { McpRouter, McpRouterOptions } from "./express/mcp-router.js";
export type { Notifier, NotifyTo } from "./streamable-http/notifier.js";
export { createSseRouter } from "./express/sse-router.js";
export type { MonitorOptions } from "./express/monitor-options.js";
export type { RouterSignIn, SseRouter } from "./express/router-interface.js";
export { SSEServerTransport } from "./sse/sse-server-transport.js";
export type { SSEServerTransportClass } from "./sse/sse-server-transport.js";
export type { SSEServerTransportOptions } from "./sse/transport-options.js";
export { StreamableHTTPServerTransport } from "./streamable-http/streamable-server-transport.js";
export type { StreamableHTTPServerTransportClass } from "./streamable-http/streamable-server-transport.js";
export type { StreamableHTTPServerTransportOptions } from "./streamable-http/transport-options.js";
export type { RebindingProtection } from "./http/rebinding-protection.js";
export type {
  McpServerLike,
  McpTransport,
  McpTransportBase,
  SendOptions,
} from "./http/mcp-transport.js";
export type {
  JsonRpcError,
  JsonRpcId,
  JsonRpcMessage,
  JsonRpcNotification,
  JsonRpcRequest,
  JsonRpcResponse,
} from "./shared/json-rpc.js";
export type { ScopeChallenge } from "./policy/scope-check.js";
export type { ScopeChallengeResolver } from "./policy/scope-challenge.js";

// Who is calling, and whose session it is.
export { authInfoFor, principalOf } from "./auth/principal.js";
export type { AuthInfo, Principal, PrincipalInit } from "./auth/principal.js";
export type { MessageExtra, RequestInfo } from "./http/mcp-transport.js";
export type { UpstreamToken } from "./shared/upstream-token.js";
export type { SessionCounts, PrincipalTest, SessionRegistry } from "./session/session-registry.js";
export type { LimitName } from "./session/limit-name.js";
export type { LimitReached, SessionEvents } from "./session/session-events.js";
export type { ClientInfo } from "./session/client-info.js";
export type {
  PrincipalListener,
  SessionInfo,
  SessionEra,
  SessionState,
  SessionSummary,
  SessionWire,
} from "./session/session-info.js";
export type { CloseReason } from "./session/close-reason.js";

// Authentication methods, and what one of your own is made of.
export { apikey, createApiKey, isApiKeyIntact } from "../strategies/apikey.js";
export type {
  ApiKeyDetails,
  ApiKeyEntry,
  ApiKeyListOptions,
  ApiKeyLookupOptions,
  ApiKeyOptions,
  ApiKeyPlaces,
  CreateApiKeyOptions,
  CreatedApiKey,
  VerifyApiKey,
} from "../strategies/apikey.js";
export { jwt } from "../strategies/jwt.js";
export type {
  JwtClaimOptions,
  JwtJwksOptions,
  JwtOptions,
  JwtPublicKeyOptions,
  JwtSecretOptions,
  PublicKeyAlgorithm,
  SecretAlgorithm,
} from "../strategies/jwt.js";
export { oauth } from "../strategies/oauth.js";
export type {
  AudienceClaim,
  AudienceRule,
  OAuthContext,
  OAuthOptions,
  StrategySignInAuthOptions,
  TokenClaims,
  TokenValidation,
} from "../strategies/oauth.js";
export { fromPassport } from "../strategies/passport.js";
export type { CommonAuthOptions, FromPassportOptions } from "../strategies/passport.js";
export type {
  ApiKeyAuth,
  AuthConfig,
  AuthEntry,
  JwtAuth,
  OAuthAuth,
  TypedAuth,
} from "../strategies/auth-config.js";
export type {
  AuthEndpoints,
  AuthMethod,
  Challenge,
  FoundCredential,
  MethodObserver,
  PassportStrategy,
  ScopeRule,
  SignInStep,
  UpstreamRequest,
} from "./auth/auth-method.js";
export { EXPIRED_CREDENTIAL } from "./auth/expired-credential.js";

// Worked out by the compiler from what stands in `auth`: nobody writes these.
export type {
  AuthEntryFor,
  AuthFor,
  AuthMark,
  AuthNamedBy,
  OptionsIn,
  PrincipalFor,
  PrincipalNamedBy,
  TypeAndOptions,
} from "../strategies/auth-config.js";
export type { ApiKeyOptionsFor } from "../strategies/apikey/apikey-options.js";
export type { JwtOptionsFor } from "../strategies/jwt/jwt-options.js";
export type { OAuthOptionsFor } from "../strategies/oauth/options/oauth-options.js";

// The sign-in of `oauth`, and where it keeps things.
export type {
  FetchDocument,
  LoginField,
  PrivateJwk,
  SignInAdvancedOptions,
  SignInKeys,
  SignInOptions,
  SignInProfile,
  SignInStorage,
} from "../strategies/oauth.js";
export { FileStorage } from "../strategies/storage/file-storage.js";
export type { FileStorageOptions } from "../strategies/storage/file-storage.js";
export { MemoryStorage } from "../strategies/storage/storage.js";
export type { MemoryStorageOptions } from "../strategies/storage/storage.js";

// Options.
export type { SseRouterOptions } from "./express/router-options.js";
export type {
  CreateMcpHandler,
  McpHandler,
  ServerEvent,
  StreamableOptions,
  WireOptions,
} from "./options/streamable-options.js";
export type { ServerMonitorOptions } from "./server/monitor-place.js";
export type { HttpTimesConfig, PortOptions, SseServerOptions } from "./server/server-options.js";
export type {
  HttpStreamResumability,
  HttpStreamServerOptions,
  HttpStreamSession,
} from "./server/http-stream-options.js";
export type { ClusterNode, ClusterState } from "./cluster/cluster-bus.js";
export type {
  ClosedSessions,
  ClusterEvents,
  ClusterSession,
  ClusterSessions,
  ListedSessions,
  RouterCluster,
} from "./cluster/router-cluster.js";
export type { NamedCaller } from "./cluster/whose.js";
export type { ClusterInit, ClusterOptions } from "./cluster/cluster-config.js";
export type { SharedCounter } from "./shared/shared-counter.js";
export type { ClusterEngine, EngineWrite, SetIndex, VersionedValue } from "./cluster/engine.js";
export type { AdvancedOptions } from "./options/advanced-options.js";
export type { CorsOptions } from "./options/cors-options.js";
export type {
  PolicyAnswer,
  PolicyCall,
  PolicyConditions,
  PolicyFunction,
  PolicyOptions,
  PolicyRequest,
  PolicyRoles,
  PolicyRule,
  PolicyRules,
  PolicyWhen,
} from "./policy/rules.js";
export type { Denial, Denied, PolicyKind, PolicySession } from "./policy/policy.js";
export type { SseOptions } from "./options/options.js";
export type { RestoreConfig } from "./options/restore-options.js";
export type { ResumeConfig } from "./options/resume-options.js";
export type { SessionOptions } from "./options/session-options.js";
export type { ThrottleConfig } from "./options/throttle-options.js";
export type { Logger } from "./shared/logger.js";

// What operators are told: as option `audit`, and on `node:diagnostics_channel`.
export type {
  Audit,
  AuditAction,
  AuditActor,
  AuditDetail,
  AuditEvent,
} from "./options/audit-event.js";
export type {
  Call,
  CallEnded,
  CallerFact,
  CallStarted,
  CallTarget,
  ClientRequestEnded,
  ClientRequestStarted,
  ClusterFact,
  DeniedFact,
  FactName,
  Facts,
  Leg,
  LimitFact,
  PublishedFact,
  RefusalFact,
  RelayOutcome,
  RevokedFact,
  SessionFact,
  SessionRef,
  SignInFact,
  ToldDenial,
  TraceContext,
  UpstreamFact,
  WaitingMessages,
  Who,
} from "./observe/facts.js";
export type { ResumeMark } from "./session/resume-mark.js";

// What goes wrong.
export { McpSseError } from "./shared/errors.js";
export type { ErrorCode, ErrorHeaders, McpSseErrorDetails } from "./shared/errors.js";

/** The environment that the examples read, so that they read it as the documentation does. */
declare namespace NodeJS {
  interface ProcessEnv {
    PORT?: string;
    AUDIT_FILE?: string;
    METRICS_PORT?: string;
    JWT_SECRET?: string;
    JWT_PUBLIC_KEY?: string;
    AUTH_ISSUER?: string;
    AUTH_AUDIENCE?: string;
    REDIS_URL?: string;
    CLUSTER_SECRET?: string;
    NODE_NAME?: string;
    LEAVE_AFTER_MS?: string;
    CORS_ORIGINS?: string;
    API_KEY_1?: string;
    API_KEY_2?: string;
    READER_KEY?: string;
    CLERK_KEY?: string;
    CI?: string;
    SESSION_SECRET?: string;
    OPERATOR_PASSWORD?: string;
    PUBLIC_URL?: string;
    OAUTH_ISSUER?: string;
    OAUTH_CLIENT_ID?: string;
    OAUTH_CLIENT_SECRET?: string;
    SIGN_IN_FILE?: string;
  }
}

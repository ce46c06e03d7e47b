/** Times are RFC 3339 with milliseconds in UTC, so that they sort as text; lists are JSON. uaa writes all of it. */
export interface UaaDatabase {
  users: {
    guid: string;
    user_name: string;
    /** In lower case; unique with the origin. */
    user_name_key: string;
    origin: string;
    email: string;
    given_name: string | null;
    family_name: string | null;
    /** PHC string format. */
    password_hash: string;
    password_changed_at: string;
    active: number;
    verified: number;
    version: number;
    created_at: string;
    updated_at: string;
  };
  user_groups: { user_guid: string; group_name: string };
  clients: {
    client_id: string;
    /** PHC string format; null: a public client. */
    secret_hash: string | null;
    grant_types: string;
    scopes: string;
    authorities: string;
    created_at: string;
  };
  signing_keys: {
    kid: string;
    /** JWK. */
    public_key: string;
    /** PKCS #8 in PEM, encrypted with ENCRYPTION_KEY. */
    private_key: string;
    activates_at: string;
    expires_at: string | null;
  };
  refresh_tokens: {
    /** SHA-256 of the token in hex: who reads the database cannot use it. */
    token_hash: string;
    /** Of the login that it came from; a renewed token has the same. */
    session_id: string;
    user_guid: string;
    client_id: string;
    scopes: string;
    authenticated_at: string;
    created_at: string;
    expires_at: string;
  };
  groups: {
    name: string;
    description: string | null;
    created_at: string;
  };
  authorization_codes: {
    /** SHA-256 of the code in hex. */
    code_hash: string;
    user_guid: string;
    client_id: string;
    scopes: string;
    authenticated_at: string;
    expires_at: string;
  };
  login_failures: {
    /** `user <name>` or `client <id>`; names that do not exist too, so that a lockout tells nothing. */
    subject: string;
    failures: number;
    window_started_at: string;
    last_failure_at: string;
  };
}

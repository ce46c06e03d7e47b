import { z } from 'zod';
import { type FormFields, readField } from './form.ts';
import { parseScopes } from './scopes.ts';

interface Scoped {
  /** Undefined: all that there are. */
  readonly scopes: readonly string[] | undefined;
}

export type TokenRequest = Scoped &
  (
    | {
        readonly grantType: 'password';
        readonly userName: string;
        readonly password: string;
        /** Where the user is known; undefined: anywhere. */
        readonly origin: string | undefined;
      }
    | { readonly grantType: 'client_credentials' }
    | { readonly grantType: 'refresh_token'; readonly refreshToken: string }
    | { readonly grantType: 'authorization_code'; readonly code: string }
  );

export type TokenRequestResult =
  | { readonly outcome: 'valid'; readonly request: TokenRequest }
  | {
      readonly outcome: 'invalid';
      readonly code: 'REQUEST_INVALID' | 'GRANT_TYPE_UNSUPPORTED';
      readonly description: string;
    };

const fieldNames = [
  'grant_type',
  'username',
  'password',
  'passcode',
  'refresh_token',
  'code',
  'scope',
  'login_hint',
] as const;
const loginHintSchema = z.looseObject({ origin: z.string().min(1) });

/** The form of `POST /oauth/token`. `login_hint` alone may stand in the query, where cf puts it: nothing secret may. */
export function parseTokenRequest(form: FormFields, query: FormFields): TokenRequestResult {
  const fields: Partial<Record<(typeof fieldNames)[number], string>> = {};
  for (const name of fieldNames) {
    const field = readField(form, name);
    if (field.outcome === 'repeated') return invalid(`${name} may be given once`);
    if (field.value !== undefined) fields[name] = field.value;
  }
  const scopes = fields.scope === undefined ? undefined : parseScopes(fields.scope);
  switch (fields.grant_type) {
    case undefined:
      return invalid('Missing grant type');
    case 'password': {
      if (fields.passcode !== undefined) {
        return invalid('There is no single sign-on here, hence no passcodes: log in with user name and password.');
      }
      const hint = parseLoginHint(fields.login_hint, query);
      if (hint.outcome === 'invalid') return invalid('login_hint is not {"origin":"..."}');
      if (fields.username === undefined || fields.password === undefined) {
        return invalid('username and password are needed');
      }
      const { username: userName, password } = fields;
      return { outcome: 'valid', request: { grantType: 'password', userName, password, origin: hint.origin, scopes } };
    }
    case 'client_credentials':
      return { outcome: 'valid', request: { grantType: 'client_credentials', scopes } };
    case 'refresh_token':
      if (fields.refresh_token === undefined) return invalid('refresh_token is needed');
      return {
        outcome: 'valid',
        request: { grantType: 'refresh_token', refreshToken: fields.refresh_token, scopes },
      };
    case 'authorization_code':
      if (fields.code === undefined) return invalid('code is needed');
      return { outcome: 'valid', request: { grantType: 'authorization_code', code: fields.code, scopes } };
    default:
      return {
        outcome: 'invalid',
        code: 'GRANT_TYPE_UNSUPPORTED',
        description: `Unsupported grant type: ${fields.grant_type.slice(0, 100)}`,
      };
  }
}

function invalid(description: string): TokenRequestResult {
  return { outcome: 'invalid', code: 'REQUEST_INVALID', description };
}

type LoginHint = { readonly outcome: 'read'; readonly origin: string | undefined } | { readonly outcome: 'invalid' };

/** UAA's `{"origin":"..."}`, itself percent-encoded once more by some clients. */
function parseLoginHint(fromForm: string | undefined, query: FormFields): LoginHint {
  const inQuery = readField(query, 'login_hint');
  if (inQuery.outcome === 'repeated') return { outcome: 'invalid' };
  const text = fromForm ?? inQuery.value;
  if (text === undefined) return { outcome: 'read', origin: undefined };
  try {
    const decoded = text.startsWith('%') ? decodeURIComponent(text) : text;
    const hint = loginHintSchema.safeParse(JSON.parse(decoded));
    return hint.success ? { outcome: 'read', origin: hint.data.origin } : { outcome: 'invalid' };
  } catch {
    // Neither JSON nor percent-encoded: the client is told so.
    return { outcome: 'invalid' };
  }
}

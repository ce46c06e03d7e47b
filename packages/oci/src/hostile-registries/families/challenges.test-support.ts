import { lying, PULLED, REALM, refused, UNAUTHORIZED } from '../cases.test-support.ts';
import { always, basic, bearer, both, decoded, exceptFor, honest, IMAGE, tokens } from '../honest.test-support.ts';
import type { Family, Handler } from '../hostile-registry.test-support.ts';

const challenge =
  (text: string | readonly string[]): Handler =>
  (request, response) =>
    (request.headers.authorization === undefined ? always(401, { 'www-authenticate': text }) : honest)(
      request,
      response,
    );
export const challenges: Family = {
  title: 'Challenges',
  what: 'Basic and Bearer of the registry itself are answered, once; what is asked for is to pull this repository, whatever a challenge wants.',
  registries: [
    lying('none', UNAUTHORIZED, always(401)),
    lying('an empty one', UNAUTHORIZED, challenge('')),
    lying('of Windows', UNAUTHORIZED, challenge('NTLM')),
    lying('of Kerberos, with data', UNAUTHORIZED, challenge('Negotiate YIIabc==')),
    lying('Digest', UNAUTHORIZED, challenge('Digest realm="x", nonce="y", algorithm=MD5')),
    lying('of a scheme that holds another', UNAUTHORIZED, challenge('XBasic realm="x"')),
    lying('Basic in other letters', PULLED, challenge('bAsIc realm="x"')),
    lying('Basic after others', PULLED, challenge('Negotiate, NTLM, Basic realm="x"')),
    lying('Basic in a line of its own after others', PULLED, challenge(['Negotiate', 'NTLM', 'Basic realm="x"'])),
    lying('Basic without a realm', PULLED, challenge('Basic')),
    lying('Basic for ever', UNAUTHORIZED, always(401, { 'www-authenticate': 'Basic realm="x"' })),
    lying('Basic, without a password to give', UNAUTHORIZED, challenge('Basic realm="x"'), { anonymous: true }),
    lying('Basic in the realm of another', UNAUTHORIZED, challenge('Other realm="Basic realm=x"')),
    lying('Bearer without a realm', REALM, challenge('Bearer service="s"')),
    lying(
      'Bearer for ever',
      UNAUTHORIZED,
      both(
        tokens,
        bearer(
          'http://registry.test/token',
          always(401, { 'www-authenticate': 'Bearer realm="http://registry.test/"' }),
        ),
      ),
    ),
    lying('Basic after the token', UNAUTHORIZED, both(tokens, always(401, { 'www-authenticate': 'Basic realm="x"' }))),
    lying(
      'Bearer after the password',
      UNAUTHORIZED,
      basic(always(401, { 'www-authenticate': 'Bearer realm="http://registry.test/token"' })),
    ),
    lying(
      'a token that does not do for the config',
      UNAUTHORIZED,
      both(
        tokens,
        exceptFor(IMAGE.config.digest, (request, response) => {
          const challenge = `Bearer realm="http://${request.headers.host}/token",error="insufficient_scope"`;
          always(401, { 'www-authenticate': challenge })(request, response);
        }),
      ),
    ),
    lying(
      'a hundred in one line',
      PULLED,
      challenge(`${Array.from({ length: 100 }, (_, i) => `S${i} realm="x"`).join(', ')}, Basic realm="x"`),
    ),
    lying('one of nine kilobytes', UNAUTHORIZED, challenge(`Basic realm="${'x'.repeat(9000)}"`)),
    lying('one that never closes its quotes', UNAUTHORIZED, challenge('Bearer realm="http://registry.test/token')),
    lying('quotes in its quotes', REALM, challenge('Bearer realm="http://stranger.test\\"x/token"')),
    lying(
      'a scope of another repository',
      PULLED,
      both(onlyScope('repository:team/app:pull'), honest, ',scope="repository:other/secret:pull"'),
    ),
    lying(
      'a scope to push and delete',
      PULLED,
      both(onlyScope('repository:team/app:pull'), honest, ',scope="repository:team/app:pull,push,delete"'),
    ),
    lying(
      'a scope of the catalogue',
      PULLED,
      both(onlyScope('repository:team/app:pull'), honest, ',scope="registry:catalog:*"'),
    ),
    lying(
      'several scopes',
      PULLED,
      both(onlyScope('repository:team/app:pull'), honest, ',scope="repository:team/app:pull repository:other:push"'),
    ),
    lying(
      'a scope of ten kilobytes in a word',
      PULLED,
      both(onlyScope('repository:team/app:pull'), honest, `,scope="${'a'.repeat(5000)}"`),
    ),
    lying(
      'a service that adds a scope',
      PULLED,
      both(onlyScope('repository:team/app:pull'), honest, ',x="y",service="s&scope=repository:other:pull"'),
    ),
    lying(
      'a scope that adds a parameter',
      PULLED,
      both(onlyScope('repository:team/app:pull'), honest, ',scope="a&account=root"'),
    ),
    lying('a refusal that repeats what it was sent', refused('REGISTRY_FORBIDDEN'), echo),
    lying('a 401 that repeats what it was sent', UNAUTHORIZED, (request, response) =>
      always(
        401,
        { 'www-authenticate': 'Basic realm="x"' },
        JSON.stringify({
          errors: [
            {
              code: 'DENIED',
              message: `no: ${request.headers.authorization} ${decoded(request.headers.authorization)}`,
            },
          ],
        }),
      )(request, response),
    ),
    lying(
      'a proxy that wants a password',
      refused('REGISTRY_PROTOCOL'),
      always(407, { 'proxy-authenticate': 'Basic realm="x"' }),
    ),
    lying('a cookie to be sent along', PULLED, (request, response) => {
      response.setHeader('set-cookie', 'session=evil; Domain=test; Path=/');
      (request.headers.cookie === undefined ? basic(honest) : always(500))(request, response);
    }),
  ],
};

/** A token server that gives a token when it is asked for this one scope, and no other. */
function onlyScope(scope: string): Handler {
  return (request, response) => {
    const asked = new URL(request.url ?? '', 'http://x').searchParams.getAll('scope');
    (asked.length === 1 && asked[0] === scope ? tokens : always(500))(request, response);
  };
}

function echo(...[request, response]: Parameters<Handler>): void {
  const { authorization } = request.headers;
  const message = `you sent ${authorization}, that is ${decoded(authorization)}`;
  basic(always(403, {}, JSON.stringify({ errors: [{ code: 'DENIED', message }] })))(request, response);
}

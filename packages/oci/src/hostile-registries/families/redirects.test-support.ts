import { INSIDE, REGISTRY, SPELLINGS, STRANGER } from '../addresses.test-support.ts';
import { ADDRESS, luring, lying, PULLED, REDIRECT, refused } from '../cases.test-support.ts';
import { always, basic, bearer, exceptFor, honest, IMAGE, to, tokens } from '../honest.test-support.ts';
import type { Family, Served } from '../hostile-registry.test-support.ts';

const STATUSES = [301, 302, 303, 307, 308] as const;
const moved = (stranger: Served): string => `http://stranger.test:${stranger.port}/v2/x/manifests/y`;

export const redirects: Family = {
  title: 'Redirects',
  what: 'Followed by hand, five at most: never from https to http, never to user info, never to a special address or one nearer than the registry, and without the credentials from the first other origin on.',
  registries: [
    ...STATUSES.map((status) =>
      luring(`${status} to another origin, with a password`, PULLED, honest, (stranger) =>
        basic(exceptFor('/manifests/', to(status, moved(stranger)))),
      ),
    ),
    ...STATUSES.map((status) =>
      luring(
        `${status} to another origin, with a token`,
        PULLED,
        honest,
        (stranger) => (request, response) =>
          (request.url?.startsWith('/token')
            ? tokens
            : bearer(`http://${request.headers.host}/token`, exceptFor('/manifests/', to(status, moved(stranger)))))(
            request,
            response,
          ),
      ),
    ),
    ...STATUSES.map((status) =>
      luring(
        `${status} of a blob to another origin`,
        PULLED,
        honest,
        (stranger) =>
          basic(
            exceptFor(
              IMAGE.layers[0]?.digest ?? '',
              to(status, `${stranger.origin}/blobs/${IMAGE.layers[0]?.digest}?signature=x`),
            ),
          ),
        { action: 'blob' },
      ),
    ),
    ...[300, 304, 305, 306].map((status) =>
      luring(`${status}, which is none`, refused('REGISTRY_PROTOCOL'), honest, (stranger) =>
        basic(to(status, stranger.origin)),
      ),
    ),
    luring(
      'to another origin that wants a password',
      refused('REGISTRY_UNAUTHORIZED'),
      always(401, { 'www-authenticate': 'Basic realm="registry.test"' }),
      (stranger) => basic(to(307, moved(stranger))),
    ),
    luring(
      'to another origin that wants a token',
      refused('REGISTRY_UNAUTHORIZED'),
      (request, response) => bearer(`http://${request.headers.host}/token`)(request, response),
      (stranger) => basic(to(307, moved(stranger))),
    ),
    luring(
      'to another port of the same host',
      PULLED,
      honest,
      (stranger) => basic(exceptFor('/manifests/', to(307, `http://registry.test:${stranger.port}/v2/x/manifests/y`))),
      {},
      { stranger: { at: REGISTRY } },
    ),
    luring(
      'to a name below its own',
      PULLED,
      honest,
      (stranger) =>
        basic(exceptFor('/manifests/', to(307, `http://cdn.registry.test:${stranger.port}/v2/x/manifests/y`))),
      { names: { 'cdn.registry.test': [[STRANGER]] } },
    ),
    luring(
      'to its own address in place of its name',
      PULLED,
      honest,
      (stranger) => basic(exceptFor('/manifests/', to(307, `${stranger.origin}/v2/x/manifests/y`))),
      {},
      { stranger: { at: REGISTRY } },
    ),
    luring('without a scheme', PULLED, honest, (stranger) =>
      basic(exceptFor('/manifests/', to(307, `//stranger.test:${stranger.port}/v2/x/manifests/y`))),
    ),
    luring('with backslashes', PULLED, honest, (stranger) =>
      basic(exceptFor('/manifests/', to(307, `\\\\stranger.test:${stranger.port}\\v2\\x\\manifests\\y`))),
    ),
    luring('with backslashes behind its scheme', PULLED, honest, (stranger) =>
      basic(exceptFor('/manifests/', to(307, `http:\\\\stranger.test:${stranger.port}/v2/x/manifests/y`))),
    ),
    luring('with a tab in its scheme', PULLED, honest, (stranger) =>
      basic(exceptFor('/manifests/', to(307, `ht\ttp://stranger.test:${stranger.port}/v2/x/manifests/y`))),
    ),
    luring(
      'there and back',
      PULLED,
      (request, response) => to(307, String(request.url).slice(1))(request, response),
      (stranger) =>
        exceptFor('/manifests/v1', (request, response) => {
          const back = `http://${request.headers.host}/v2/back/manifests/x`;
          basic(to(307, `${stranger.origin}/${back}`))(request, response);
        }),
    ),
    lying('within the registry', PULLED, basic(exceptFor('/manifests/v1', to(307, `/v2/moved/manifests/y`)))),
    lying(
      'within the registry, relative',
      PULLED,
      basic(exceptFor('/manifests/v1', to(307, `../../moved/manifests/y`))),
    ),
    luring(
      'to another origin over https',
      refused('REGISTRY_TLS_FAILED'),
      honest,
      (stranger) => basic(to(307, `https://stranger.test:${stranger.port}/`)),
      {},
      { stranger: { tls: 'of nobody known' } },
    ),
    luring(
      'from https to plain http',
      REDIRECT,
      honest,
      (stranger) => basic(to(307, `http://registry.test:${stranger.port}/`)),
      { options: { plainHttp: [] } },
      { registry: { tls: 'good' }, stranger: { at: REGISTRY } },
    ),
    luring(
      'from https to https elsewhere',
      PULLED,
      honest,
      (stranger) => basic(exceptFor('/manifests/', to(307, `https://stranger.test:${stranger.port}/v2/x/manifests/y`))),
      { options: { plainHttp: [] } },
      { registry: { tls: 'good' }, stranger: { tls: 'good' } },
    ),
    ...Object.entries({
      'to no place': '',
      'to nonsense': 'http://[::',
      'to a port that is none': 'http://registry.test:99999/',
      'to a file': 'file:///etc/passwd',
      'to a script': 'javascript:alert(1)',
      'to data': 'data:application/json,{}',
      'to gopher': 'gopher://stranger.test/1x',
      'to a web socket': 'ws://registry.test/',
      'to a socket of this machine': 'unix:/run/docker.sock',
      'to user info': 'http://u:p@registry.test/',
      'to a user without a password': 'http://u@registry.test/',
      'to its own name as user of another': 'http://registry.test@stranger.test/',
    }).map(([what, location]) => lying(what, REDIRECT, basic(to(307, location)))),
    lying('without a location', REDIRECT, basic(always(307))),
    lying(
      'with two locations',
      PULLED,
      basic(exceptFor('/manifests/v1', always(307, { location: ['/v2/moved/manifests/y', 'http://stranger.test/'] }))),
    ),
    lying(
      'to itself',
      REDIRECT,
      basic((request, response) => to(302, request.url ?? '')(request, response)),
    ),
    lying(
      'round in a ring',
      REDIRECT,
      basic((request, response) =>
        to(302, request.url?.includes('a') ? '/v2/b/manifests/x' : '/v2/a/manifests/x')(request, response),
      ),
    ),
    luring(
      'to and fro between two',
      REDIRECT,
      (request, response) => to(302, String(request.url).slice(1))(request, response),
      (stranger) => (request, response) =>
        to(302, `${stranger.origin}/http://${request.headers.host}/v2/team/app/manifests/v1`)(request, response),
    ),
    lying(
      'ever further',
      REDIRECT,
      basic((request, response) => to(302, `${request.url}x`)(request, response)),
    ),
    lying(
      'to a path of ten kilobytes',
      PULLED,
      basic(exceptFor('/manifests/v1', to(307, `/v2/${'x'.repeat(10_000)}/manifests/y`))),
    ),
    ...SPELLINGS.map((host) =>
      lying(`to http://${host}/`, ADDRESS, basic(to(307, `http://${host}/latest/meta-data/`))),
    ),
    lying('to a special address over https', ADDRESS, basic(to(307, 'https://169.254.169.254/'))),
    lying(
      'to a special address at the second step',
      ADDRESS,
      basic((request, response) =>
        to(307, request.url?.includes('step') ? 'http://169.254.169.254/' : '/v2/step/manifests/x')(request, response),
      ),
    ),
    luring('to a special address by way of another origin', ADDRESS, to(307, 'http://169.254.169.254/'), (stranger) =>
      basic(to(307, stranger.origin)),
    ),
    ...INSIDE.map((host) => lying(`to http://${host}/, inside`, ADDRESS, basic(to(307, `http://${host}/`)))),
  ],
};

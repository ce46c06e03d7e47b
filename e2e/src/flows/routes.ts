import { expectStatus, hostOf } from '../cli/expectations.ts';
import { type Flow, inOwnSpace } from '../cli/flow.ts';

const DOMAIN = 'apps.localhost';

/** Routes and where they lead. */
export const routes: Flow = {
  name: 'routes',
  run: async (session) => {
    const { images, name, api } = session;
    const admin = await inOwnSpace(session);
    const [app, other, host] = [name('web'), name('other'), name('host')];
    await admin.cf(['push', app, '-o', images.good, '-m', '64M', '--no-route']);
    await admin.cf(['push', other, '-o', images.good, '-m', '64M', '--no-route', '--no-start']);
    await admin.cf(['check-route', DOMAIN, '--hostname', host], { says: ['does not exist'] });
    await admin.cf(['create-route', DOMAIN, '-n', host]);
    await admin.cf(['create-route', DOMAIN, '-n', host], { says: ['already exists'] });
    await admin.cf(['create-route', DOMAIN, '-n', host, '--path', '/deep']);
    await admin.cf(['check-route', DOMAIN, '-n', host, '--path', '/deep'], { says: ['does exist'] });
    await admin.cf(['map-route', app, DOMAIN, '-n', host]);
    await admin.cf(['map-route', app, DOMAIN, '-n', host], { says: ['already mapped'] });
    await admin.cf(['map-route', other, DOMAIN, '-n', host, '--app-protocol', 'http1']);
    await expectStatus(session, host, 200);
    await admin.cf(['map-route', app, DOMAIN, '-n', name('second'), '--path', '/deep', '--app-port', '8443']);
    await admin.cf(['route', DOMAIN, '-n', host], { says: [app, other] });
    await admin.cf(['routes'], { says: [host, '/deep', app] });
    await admin.cf(['routes', '--org-level'], { says: [host] });
    await admin.cf(['update-destination', other, DOMAIN, '-n', host, '--app-protocol', 'http2']);
    await admin.cf(['unmap-route', other, DOMAIN, '-n', host]);
    await admin.cf(['unmap-route', app, DOMAIN, '-n', host]);
    await session.eventually(`${host} leads nowhere`, async () => {
      const { status } = await api.fetch(hostOf(host), '/');
      if (status !== 404 && status !== 503) throw new Error(`it answers ${status}`);
    });
    await admin.cf(['delete-route', DOMAIN, '-n', host, '-f']);
    await admin.cf(['delete-route', DOMAIN, '-n', host, '-f'], { says: ['Unable to delete'] });
    await admin.cf(['delete-orphaned-routes', '-f'], { says: ['OK'] });
    await admin.cf(['routes'], { hides: [new RegExp(`${host}\\s`)] });
    await admin.cf(['create-route', DOMAIN, '-n', name('port'), '--port', '1234'], { status: 1 });
    await admin.cf(['map-route', app, 'no-such-domain.example', '-n', 'x'], { status: 1, says: ['not found'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** Route options and routes that two spaces share. */
export const routeExtras: Flow = {
  name: 'route-extras',
  run: async (session) => {
    const { name } = session;
    const admin = await inOwnSpace(session);
    const host = name('host');
    await admin.cf(['create-space', name('next')]);
    await admin.cf(['create-route', DOMAIN, '-n', host, '-o', 'loadbalancing=least-connection']);
    await admin.cf(['update-route', DOMAIN, '-n', host, '-o', 'loadbalancing=round-robin'], { says: ['OK'] });
    await admin.cf(['update-route', DOMAIN, '-n', host, '-r', 'loadbalancing'], { says: ['OK'] });
    await admin.cf(['update-route', DOMAIN, '-n', host, '-o', 'loadbalancing=magic'], { status: 1 });
    await admin.cf(['enable-feature-flag', 'route_sharing']);
    await admin.cf(['share-route', DOMAIN, '-n', host, '-s', name('next')], { says: ['OK'] });
    await admin.cf(['unshare-route', DOMAIN, '-n', host, '-s', name('next')], { says: ['OK'] });
    await admin.cf(['move-route', DOMAIN, '-n', host, '-s', name('next')], { says: ['OK'] });
    await admin.cf(['disable-feature-flag', 'route_sharing']);
    await admin.cf(['create-route', DOMAIN, '-n', name('other')]);
    await admin.cf(['move-route', DOMAIN, '-n', name('other'), '-s', name('next')], {
      status: 1,
      says: ['route_sharing'],
    });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** Domains: shared, private, shared among organizations. */
export const domains: Flow = {
  name: 'domains',
  run: async (session) => {
    const { name, images } = session;
    const admin = await inOwnSpace(session);
    const [shared, own, inner] = [name('shared.example'), name('own.example'), name('inner.internal')];
    await admin.cf(['domains'], { says: [DOMAIN] });
    await admin.cf(['create-shared-domain', shared]);
    await admin.cf(['create-shared-domain', shared], { status: 1, says: [/already/] });
    await admin.cf(['create-shared-domain', inner, '--internal']);
    await admin.cf(['create-private-domain', name('org'), own]);
    await admin.cf(['domains'], { says: [shared, own, inner] });
    await admin.cf(['push', name('web'), '-o', images.good, '-m', '64M', '--no-route', '--no-start']);
    await admin.cf(['map-route', name('web'), own, '-n', 'www']);
    await admin.cf(['create-org', name('guest')]);
    await admin.cf(['share-private-domain', name('guest'), own]);
    await admin.cf(['delete-private-domain', own, '-f'], { status: 1, says: ['Unshare before deleting'] });
    await admin.cf(['unshare-private-domain', name('guest'), own], { input: ['y'] });
    await admin.cf(['delete-private-domain', own, '-f']);
    await admin.cf(['delete-shared-domain', inner, '-f']);
    await admin.cf(['delete-shared-domain', shared, '-f']);
    await admin.cf(['delete-shared-domain', shared, '-f'], { says: ['does not exist'] });
    await admin.cf(['delete-org', name('guest'), '-f']);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

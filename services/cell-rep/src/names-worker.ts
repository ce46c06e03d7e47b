import { chmodSync, existsSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { Forwarder, serversOf } from './adapters/names/forwarder.ts';
import { NameService } from './adapters/names/name-service.ts';
import { zoneSchema } from './domain/names/zone.ts';

// The cell's name server: a process of its own, for whatever containers send it must not hold up the rep, and they need
// names while the rep is away. `adapters/names/name-server.ts` starts it, tells it what it knows, and ends it.

const settings = z
  .object({
    NAMES_ADDRESS: z.ipv4(),
    NAMES_PORT: z.coerce.number().int(),
    NAMES_CONTROL: z.string(),
    NAMES_RESOLV_CONF: z.string(),
  })
  .parse(process.env);
const orderSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('zone'), zone: zoneSchema }),
  z.object({ kind: z.literal('stop') }),
]);
/** `nobody`: it reads what strangers send, and needs no right after it listens. */
const NOBODY = 65_534;
/** A cell that was removed by other means than its own leaves nobody to end this. */
const LOOK_AROUND_MS = 5_000;

const service = new NameService({
  address: settings.NAMES_ADDRESS,
  port: settings.NAMES_PORT,
  forwarder: new Forwarder(serversOf(settings.NAMES_RESOLV_CONF)),
});

/** Root alone can open the socket. */
function obey(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  const orders = createInterface(socket);
  // It hears of the socket's faults, too.
  orders.on('error', () => undefined);
  orders.on('line', (line) => {
    const order = orderSchema.parse(JSON.parse(line));
    // Whoever says so removes the socket: this has no right to.
    if (order.kind === 'stop') process.exit(0);
    else {
      service.zone = order.zone;
      socket.write('done\n');
    }
  });
}

// Whoever started it may be gone.
process.stdout.on('error', () => undefined);
await service.listen();
const control = createServer(obey);
await new Promise<void>((resolve) => control.listen(settings.NAMES_CONTROL, resolve));
chmodSync(settings.NAMES_CONTROL, 0o600);
setInterval(() => {
  if (!existsSync(settings.NAMES_CONTROL)) process.exit(0);
}, LOOK_AROUND_MS);
process.setgroups?.([]);
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);
process.stdout.write(`${JSON.stringify({ port: service.port })}\n`);

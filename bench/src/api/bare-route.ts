import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuOf } from './cpu-time.ts';
import { HttpClient } from './http-client.ts';

const worker = fileURLToPath(new URL('./bare-route-worker.ts', import.meta.url));

/** Milliseconds of processor time that a bare Fastify route needs to send this body. */
export async function bareRouteMs(body: string, requests: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-bench-'));
  await writeFile(join(directory, 'body'), body);
  const child = spawn(process.execPath, [worker, join(directory, 'body')], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { port } = JSON.parse(line.toString()) as { readonly port: number };
    const client = new HttpClient(`http://127.0.0.1:${port}`);
    const send = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) await client.get('/');
    };
    await send(requests);
    const { service } = await cpuOf(child.pid ?? 0, undefined, () => send(requests));
    client.close();
    return service / requests;
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true });
  }
}

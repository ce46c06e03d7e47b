import { readFile } from 'node:fs/promises';
import Fastify from 'fastify';

/** A route that only sends the bytes of a file: what the HTTP server costs by itself. */
const [file = ''] = process.argv.slice(2);
const body = await readFile(file);
const server = Fastify({ logger: false });
server.get('/', (_request, reply) => reply.type('application/json; charset=utf-8').send(body));
await server.listen({ host: '127.0.0.1', port: 0 });
console.log(JSON.stringify(server.server.address()));

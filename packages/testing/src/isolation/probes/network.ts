import type { Probe, ProbeFamily } from '../probe.ts';
import {
  ABSTRACT_SOCKET,
  HOST_ADDRESS,
  HOST_PORT,
  METADATA_ADDRESS,
  NATS_PORT,
  OUTSIDE_ADDRESS,
  OUTSIDE_PORT,
  REGISTRY_PORT,
} from '../sealed-addresses.ts';
import { call } from '../system-calls.ts';

/** Whether whoever listens there says something. */
const reaches = (address: string, port: number): string => `echo | nc -w 2 ${address} ${port} | grep -q .`;
const reach = (name: string, address: string, port: number, slipway = 'refused'): Probe => ({
  name,
  script: reaches(address, port),
  slipway,
});

const AF_UNIX = 1;
/** An address of the abstract name space: family, NUL, name. */
const abstract = Buffer.concat([Buffer.from([AF_UNIX, 0, 0]), Buffer.from(ABSTRACT_SOCKET)]);

export const network: ProbeFamily = {
  title: 'The network',
  probes: [
    reach("NATS at the container's gateway", '$GATEWAY', NATS_PORT),
    reach("NATS at the host's own address", HOST_ADDRESS, NATS_PORT),
    reach("a registry at the container's gateway", '$GATEWAY', REGISTRY_PORT),
    reach("a service of the platform at the container's gateway", '$GATEWAY', HOST_PORT),
    reach("a service of the platform at the host's own address", HOST_ADDRESS, HOST_PORT),
    reach('NATS on the loopback', '127.0.0.1', NATS_PORT),
    reach('another container', '$NEIGHBOUR', 8080),
    reach("the cloud's metadata (169.254.169.254)", METADATA_ADDRESS, OUTSIDE_PORT),
    {
      name: 'an abstract socket of the host',
      calls: [call('socket', AF_UNIX, 1, 0), call('connect', { answerOf: 0 }, { bytes: abstract }, abstract.length)],
      slipway: 'ECONNREFUSED',
    },
    { name: 'its own address', script: 'ip addr add 192.0.2.77/32 dev eth0', slipway: 'refused' },
    { name: 'its own route', script: `ip route add ${METADATA_ADDRESS} dev eth0`, slipway: 'refused' },
    { name: 'its own link', script: 'ip link set lo down', slipway: 'refused' },
    { name: 'a bridge', script: 'ip link add probe0 type bridge', slipway: 'refused' },
  ],
};

/** What images need: a container that is refused this would be safe and of no use. */
export const needed: ProbeFamily = {
  title: 'What images need, and have',
  probes: [
    reach('the world outside', OUTSIDE_ADDRESS, OUTSIDE_PORT, 'ok'),
    {
      name: 'a server on port 80, reached on the loopback',
      script: `httpd -p 80 -h /etc; wget -q -O - http://127.0.0.1/passwd | grep -q root`,
      slipway: 'ok',
    },
    { name: 'a socket to ping with', calls: [call('socket', 2, 2, 1)], slipway: 'ok' },
    {
      name: 'give files away, change their modes, make setuid programs',
      script: 'cp /bin/busybox /tmp/own && chown 1000:1001 /tmp/own && chmod 4755 /tmp/own',
      slipway: 'ok',
    },
    { name: 'write to /dev/shm', script: 'echo x > /dev/shm/probe', slipway: 'ok' },
    {
      name: 'write to the standard devices',
      script: 'echo x > /dev/null && head -c 8 /dev/urandom > /dev/null',
      slipway: 'ok',
    },
    {
      name: 'read its own limits in /sys/fs/cgroup',
      script: 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max',
      slipway: 'ok',
    },
    { name: 'a FIFO', script: 'rm -f /tmp/fifo; mkfifo /tmp/fifo || busybox mknod /tmp/fifo p', slipway: 'ok' },
    { name: 'chroot', script: 'busybox chroot / true', slipway: 'ok' },
    { name: 'clone3 answers so that libc takes clone', calls: [call('clone3', 0, 0)], slipway: 'ENOSYS' },
    {
      name: 'statx',
      calls: [call('statx', -100, { bytes: '/' }, 0, 0x7ff, { bytes: new Uint8Array(256) })],
      slipway: 'ok',
    },
    {
      name: 'openat2',
      calls: [call('openat2', -100, { bytes: '/' }, { bytes: new Uint8Array(24) }, 24)],
      slipway: 'ok',
    },
    { name: 'faccessat2', calls: [call('faccessat2', -100, { bytes: '/' }, 0, 0)], slipway: 'ok' },
    { name: 'memfd_create', calls: [call('memfd_create', { bytes: 'probe' }, 0)], slipway: 'ok' },
    { name: 'asynchronous I/O (io_setup)', calls: [call('io_setup', 1, { bytes: new Uint8Array(8) })], slipway: 'ok' },
    { name: 'be traced by its parent (strace, gdb)', calls: [call('ptrace', 0, 0, 0, 0)], slipway: 'ok' },
    { name: 'the current execution domain (personality)', calls: [call('personality', 0xffff_ffff)], slipway: 'ok' },
    {
      name: "a filter of its own (seccomp's actions)",
      calls: [call('seccomp', 2, 0, { bytes: Uint8Array.of(0, 0, 0xff, 0x7f) })],
      slipway: 'ok',
    },
  ],
};

import type { SecurityGroupRule } from './egress-of.ts';

/** What a new platform has, as cf-deployment: apps reach the internet and name servers, and nothing in private networks. */
export const DEFAULT_GROUPS: readonly { readonly name: string; readonly rules: readonly SecurityGroupRule[] }[] = [
  {
    name: 'public_networks',
    rules: [
      { protocol: 'all', destination: '0.0.0.0-9.255.255.255' },
      { protocol: 'all', destination: '11.0.0.0-169.253.255.255' },
      { protocol: 'all', destination: '169.255.0.0-172.15.255.255' },
      { protocol: 'all', destination: '172.32.0.0-192.167.255.255' },
      { protocol: 'all', destination: '192.169.0.0-255.255.255.255' },
    ],
  },
  {
    name: 'dns',
    rules: [
      { protocol: 'tcp', destination: '0.0.0.0/0', ports: '53' },
      { protocol: 'udp', destination: '0.0.0.0/0', ports: '53' },
    ],
  },
];

/** What a platform gets besides that had spaces before there were groups: its apps reach what they reached. */
export const PRIVATE_NETWORKS: { readonly name: string; readonly rules: readonly SecurityGroupRule[] } = {
  name: 'private_networks',
  rules: [{ protocol: 'all', destination: '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16' }],
};

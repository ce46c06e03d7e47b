/**
 * What no rule opens: link-local addresses with the clouds' metadata services, those that clouds have elsewhere
 * (Alibaba, Oracle, Azure), and what is no host of anybody. Containers have no IPv6.
 */
export const NEVER_REACHED: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
];

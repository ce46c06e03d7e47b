/** What the network namespace of the corpus has on its loopback device. */
export const REGISTRY = '203.0.113.1';
export const STRANGER = '203.0.113.2';
export const TOKENS = '203.0.113.3';

/** Addresses inside a site: nearer to this machine than a public registry is. */
export const PRIVATE: readonly string[] = [
  '10.0.0.1',
  '172.16.0.1',
  '192.168.0.1',
  '100.64.0.1',
  '198.18.0.1',
  'fd00::1',
];

/** Addresses that nobody may be asked at: link-local, with metadata services, and those that clouds have elsewhere. */
export const SPECIAL: readonly string[] = ['169.254.169.254', '169.254.170.2', '100.100.100.200', 'fd00:ec2::254'];

export const ALL: readonly string[] = [REGISTRY, STRANGER, TOKENS, '2001:db8::1', ...PRIVATE, ...SPECIAL];

/** One metadata address in many spellings, and addresses that hold it. */
export const SPELLINGS: readonly string[] = [
  '169.254.169.254',
  '169.254.170.2',
  '2852039166',
  '0xa9fea9fe',
  '0251.0376.0251.0376',
  '0xa9.0xfe.0xa9.0xfe',
  '169.254.43518',
  '169.16689662',
  '169.254.169.254.',
  '[::ffff:169.254.169.254]',
  '[::ffff:a9fe:a9fe]',
  '[::169.254.169.254]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b::169.254.169.254]',
  '[fd00:ec2::254]',
  '[fd00:0ec2:0:0:0:0:0:0254]',
  '[fe80::1]',
  '[fe80::a9fe:a9fe]',
  '100.100.100.200',
  '0.0.0.0',
  '0',
  '[::]',
  '224.0.0.1',
  '255.255.255.255',
  '[ff02::1]',
];

/** Inside the site, in several spellings. */
export const INSIDE: readonly string[] = [
  '10.0.0.1',
  '172.16.0.1',
  '192.168.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.1',
  '2130706433',
  'localhost',
  '[::1]',
  '[::ffff:10.0.0.1]',
  '[fd00::1]',
];

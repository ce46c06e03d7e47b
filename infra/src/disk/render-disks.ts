import type { ListedCell } from './cell-listing.ts';

type Disk = NonNullable<ListedCell['disk']>;

/** What the disks of the cells are used for, for a terminal. */
export function renderDisks(cells: readonly ListedCell[]): string {
  if (cells.length === 0) return 'No cell is there.';
  return cells.map(renderCell).join('\n\n');
}

function renderCell({ guid, healthy, unhealthy_reason: reason, disk }: ListedCell): string {
  const head = `Cell ${guid}${healthy ? '' : ` (unhealthy: ${reason ?? 'no reason given'})`}`;
  if (disk === null) return `${head}\n  has not told yet what its disk is used for`;
  return [head, ...summary(disk), '', ...images(disk), '', ...apps(disk)].join('\n');
}

function summary({
  capacity_bytes: capacity,
  free_bytes: free,
  layers,
  containers,
  collections,
  ...disk
}: Disk): string[] {
  const used = capacity === 0 ? 0 : Math.round((100 * (capacity - free)) / capacity);
  const { last_error: error } = collections;
  return [
    `  disk         ${bytes(capacity)}, ${bytes(free)} free (${used} % used by all), ${disk.measured_at}`,
    `  layers       ${bytes(layers.bytes)} in ${layers.count}: ${bytes(layers.shared_bytes)} shared, ` +
      `${bytes(layers.exclusive_bytes)} exclusive, ${bytes(layers.reclaimable_bytes)} reclaimable`,
    `  kept         ${bytes(layers.pinned_bytes)} pinned, ${bytes(layers.in_use_bytes)} below containers`,
    `  containers   ${containers.count} have written ${bytes(containers.writable_bytes)}${
      containers.promised_bytes === null ? '' : ` of ${bytes(containers.promised_bytes)} that they may`
    }`,
    ...(disk.limited_by === null ? [] : [`  limited by   ${disk.limited_by.kind} (${disk.limited_by.reason})`]),
    `  collections  ${collections.count}, of ${collections.removed_layers} layers with ${bytes(collections.removed_bytes)}`,
    ...(error === null ? [] : [`  last error   ${error.at} ${error.code}: ${error.message}`]),
  ];
}

function images({ images: listed, image_count: count }: Disk): string[] {
  const rows = listed.map((image) => [
    image.reference ?? shorten(image.id),
    shorten(image.id),
    image.state.replace('_', ' '),
    String(image.containers),
    ...shares(image),
  ]);
  return table(['image', 'digest', 'kept as', 'containers', ...SHARES], rows, count);
}

function apps({ apps: listed, app_count: count }: Disk): string[] {
  const rows = listed.map((app) => [
    app.name ?? app.guid,
    String(app.containers),
    ...shares(app),
    bytes(app.writable_bytes),
  ]);
  return table(['app', 'containers', ...SHARES, 'writable'], rows, count);
}

const SHARES = ['shared', 'exclusive', 'reclaimable'] as const;

function shares(of: Disk['apps'][number] | Disk['images'][number]): string[] {
  return [of.shared_bytes, of.exclusive_bytes, of.reclaimable_bytes].map(bytes);
}

/** Columns of figures are aligned to the right, those of words to the left. */
function table(header: readonly string[], rows: readonly (readonly string[])[], count: number): string[] {
  if (rows.length === 0) return [`  no ${header[0]} is known here`];
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isFigure = (column: number): boolean => rows.every((row) => /^[\d.]+( .?B)?$/.test(row[column] ?? ''));
  const lines = all.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isFigure(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  const more = count - rows.length;
  return [...lines, ...(more > 0 ? [`and ${more} more, each of fewer bytes`] : [])].map((line) => `  ${line}`);
}

function shorten(id: string): string {
  return id.startsWith('sha256:') ? id.slice('sha256:'.length, 'sha256:'.length + 12) : id;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** E.g. `1.2 GB`, in powers of 1,000 as df -H has it. */
function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1_000 ** power;
  return `${power === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

import { describeError } from '@slipway/service-kit';
import { CfClient } from '@slipway/testing';
import { readPlatformConfig } from '../config.ts';
import { DataDirectory } from '../platform/data-directory.ts';
import { readAdminPassword } from '../platform/secrets.ts';
import { listCells } from './cell-listing.ts';
import { renderDisks } from './render-disks.ts';

// `npm run disk`: asks the running platform, as its admin, what the disks of its cells are used for.

try {
  const config = readPlatformConfig(process.env);
  const data = new DataDirectory(config.SLIPWAY_DATA_DIR, () => undefined);
  const password = config.SLIPWAY_ADMIN_PASSWORD?.reveal() ?? (await readAdminPassword(data.secretsFile));
  const cf = new CfClient({ url: config.SLIPWAY_EXTERNAL_URL, username: 'admin', password });
  const cells = await listCells(cf);
  const json = process.argv.includes('--json');
  process.stdout.write(`${json ? JSON.stringify(cells, null, 2) : renderDisks(cells)}\n`);
} catch (error) {
  process.stderr.write(`The disks cannot be shown: ${describeError(error)}\n`);
  process.exitCode = 1;
}

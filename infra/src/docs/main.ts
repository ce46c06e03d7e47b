import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../process/repository-root.ts';
import { conformancePage } from './conformance-page.ts';
import { errorsPage } from './errors-page.ts';
import { hostilePages } from './hostile-pages.ts';
import { isolationPages } from './isolation-pages.ts';

await writeFile(join(repositoryRoot, 'docs/errors.md'), await errorsPage());
await writeFile(join(repositoryRoot, 'docs/conformance.md'), await conformancePage());
for (const [file, page] of [...(await hostilePages()), ...(await isolationPages())])
  await writeFile(join(repositoryRoot, file), page);

import { type Document, LineCounter, parseDocument } from 'yaml';
import { OciError } from '../errors.ts';
import { type BuildContext, buildEntry } from './build-entry.ts';
import { HOST_PATTERN_FORM, parseHostPattern } from './host-pattern.ts';
import { HOST_RULE_FORM, hostRules } from './host-rules.ts';
import { emptySettings, type RegistryEntry, type RegistrySettings, sortEntries } from './registry-settings.ts';
import { lineOf, printPath, problemsOf, type SettingsPath, type SettingsProblem } from './settings-problems.ts';
import { type RegistryDocument, type SettingsDocument, settingsSchema } from './settings-schema.ts';

/** More than these nobody can read in one log line; the rest shows once they are mended. */
const MAX_PROBLEMS = 10;

/**
 * Parses and checks the registries settings; `file` is for the errors, `readFile` gives the files that they name.
 *
 * @throws OciError REGISTRY_SETTINGS_INVALID, which names every problem with file, line and path
 */
export async function parseRegistrySettings(
  text: string,
  file: string,
  readFile: BuildContext['readFile'],
): Promise<RegistrySettings> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    // The parser's words quote nothing of the text but keys.
    throw invalid(file, [`${file}:${lines.linePos(broken.pos[0]).line}: ${broken.message}: this is not YAML`]);
  }
  const problems: SettingsProblem[] = [];
  const settings = await build(plainValue(document, file), readFile, problems);
  if (problems.length > 0) {
    throw invalid(
      file,
      problems.map(({ path, message }) => {
        const where = `${file}:${lineOf(document, lines, path)}`;
        return path.length === 0 ? `${where}: ${message}` : `${where}: ${printPath(path)}: ${message}`;
      }),
    );
  }
  return settings;
}

/** Aliases save repeating a certificate, no more. */
const MAX_ALIASES = 100;

function plainValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw invalid(file, [`${file}: ${(error as Error).message}: use fewer aliases`]);
  }
}

async function build(
  value: unknown,
  readFile: BuildContext['readFile'],
  problems: SettingsProblem[],
): Promise<RegistrySettings> {
  // A file with comments only.
  if (value === null || value === undefined) return emptySettings;
  const parsed = settingsSchema.safeParse(value);
  if (!parsed.success) {
    problems.push(...problemsOf(parsed.error));
    return emptySettings;
  }
  const problem = (path: SettingsPath, message: string): void => void problems.push({ path, message });
  const settings = {
    plainHttp: rules('plainHttp', parsed.data.plainHttp, problem),
    unverifiedTls: rules('unverifiedTls', parsed.data.unverifiedTls, problem),
    trustedTokenHosts: tokenHosts(parsed.data.trustedTokenHosts, problem),
    entries: await entries({ readFile, problem }, parsed.data),
  };
  checkContradictions(settings, problem);
  return settings;
}

function rules(
  key: string,
  written: readonly string[],
  problem: BuildContext['problem'],
): RegistrySettings['plainHttp'] {
  const { rules: built, wrong } = hostRules(written);
  for (const { index, found } of wrong) {
    problem([key, index], `found ${JSON.stringify(written[index])}, ${found}: expected ${HOST_RULE_FORM}`);
  }
  return built;
}

function tokenHosts(written: readonly string[], problem: BuildContext['problem']): readonly string[] {
  return written.map((text, i) => {
    const pattern = parseHostPattern(text);
    if (pattern === undefined || pattern.wildcard || pattern.port !== undefined) {
      problem(['trustedTokenHosts', i], `found ${JSON.stringify(text)}: expected the name of one host, without a port`);
    }
    return text.toLowerCase();
  });
}

async function entries(context: BuildContext, { registries }: SettingsDocument): Promise<readonly RegistryEntry[]> {
  const built: RegistryEntry[] = [];
  const none: RegistryDocument = { mirrors: [] };
  const seen = new Map<string, string>();
  for (const [name, document] of Object.entries(registries)) {
    const path = ['registries', name];
    const pattern = parseHostPattern(name);
    if (pattern === undefined) {
      context.problem(path, `this is no registry: expected ${HOST_PATTERN_FORM}`);
      continue;
    }
    const spelling = `${pattern.wildcard} ${pattern.host} ${pattern.port}`;
    const other = seen.get(spelling);
    if (other !== undefined) context.problem(path, `this is the same registry as ${other}: keep one of the two`);
    seen.set(spelling, name);
    built.push(await buildEntry(context, path, pattern, document ?? none));
  }
  return sortEntries(built);
}

/** What is set with care for a registry must not be in vain because it stands on a list as well. */
function checkContradictions(settings: RegistrySettings, problem: BuildContext['problem']): void {
  for (const { pattern, authorities, clientCertificate } of settings.entries) {
    if (pattern.wildcard || (authorities.length === 0 && clientCertificate === undefined)) continue;
    const target = { host: pattern.host, port: pattern.port ?? 443 };
    for (const list of ['plainHttp', 'unverifiedTls'] as const) {
      if (settings[list].names(target)) {
        problem(
          ['registries', pattern.text],
          `it has certificates, and ${list} allows to ignore them: take it off that list, or remove the certificates`,
        );
      }
    }
  }
}

function invalid(file: string, problems: readonly string[]): OciError {
  const more = problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more`] : [];
  return new OciError('REGISTRY_SETTINGS_INVALID', [...problems.slice(0, MAX_PROBLEMS), ...more].join('; '), {
    details: { file, problems },
  });
}

/** One condition of a label selector. A resource is selected when all hold. */
export interface LabelRequirement {
  readonly key: string;
  /** `notin` also holds for resources without the label, as on Cloud Foundry and Kubernetes. */
  readonly kind: 'exists' | 'absent' | 'in' | 'notin';
  /** Of `in` and `notin`. */
  readonly values: readonly string[];
}

/** API v3, "Labels and selectors": a key may have a DNS prefix. */
const KEY = String.raw`(?:[\w.-]+\/)?[\w.-]+`;
const VALUE = String.raw`[\w.-]*`;
const EXISTS = new RegExp(`^(${KEY})$`);
const ABSENT = new RegExp(`^!\\s*(${KEY})$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${VALUE})$`);
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const ONE_VALUE = new RegExp(`^${VALUE}$`);

/** cloud_controller_ng `label_selector_parser.rb` takes as many. */
const MAX_REQUIREMENTS = 50;

/** Undefined when the text is no label selector. */
export function parseLabelSelector(text: string): LabelRequirement[] | undefined {
  const parts = splitRequirements(text);
  if (parts.length > MAX_REQUIREMENTS) return undefined;
  const requirements = parts.map((part) => parseRequirement(part.trim()));
  return requirements.includes(undefined) ? undefined : (requirements as LabelRequirement[]);
}

/** At commas that are not in parentheses. */
function splitRequirements(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseRequirement(text: string): LabelRequirement | undefined {
  const set = SET.exec(text);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    if (!values.every((value) => ONE_VALUE.test(value))) return undefined;
    return { key: set[1] ?? '', kind: set[2] === 'in' ? 'in' : 'notin', values };
  }
  const equality = EQUALITY.exec(text);
  if (equality !== null) {
    return { key: equality[1] ?? '', kind: equality[2] === '!=' ? 'notin' : 'in', values: [equality[3] ?? ''] };
  }
  const absent = ABSENT.exec(text);
  if (absent !== null) return { key: absent[1] ?? '', kind: 'absent', values: [] };
  const exists = EXISTS.exec(text);
  return exists === null ? undefined : { key: exists[1] ?? '', kind: 'exists', values: [] };
}

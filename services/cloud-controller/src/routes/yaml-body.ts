import { readYaml } from '../adapters/yaml/read-yaml.ts';
import { ApiError } from '../errors.ts';

/** What clients call YAML; the cf CLI sends the first. */
export const YAML_TYPES: string[] = ['application/x-yaml', 'application/yaml', 'text/yaml', 'text/x-yaml'];

/** A body that came as YAML. */
export class YamlText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The data of a body of YAML. Throws 400. */
export function yamlBody(body: unknown): unknown {
  if (!(body instanceof YamlText)) throw new ApiError('MessageParseError', 'Content-Type must be yaml');
  const result = readYaml(body.text);
  if (result.outcome === 'rejected') throw new ApiError('MessageParseError', `not YAML: ${result.problem}`);
  return result.value;
}

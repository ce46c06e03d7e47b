import { NO_ALIASES, readYaml } from '../adapters/yaml/read-yaml.ts';
import { bodyProblem } from '../domain/body-problem.ts';
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
  if (!(body instanceof YamlText)) throw new ApiError('BadRequest', 'Content-Type must be yaml');
  const result = readYaml(body.text);
  if (result.outcome === 'rejected') {
    if (result.problem === NO_ALIASES)
      throw new ApiError('BadRequest', 'Manifest does not support Anchors and Aliases');
    throw new ApiError('MessageParseError', `not YAML: ${result.problem}`);
  }
  if (typeof result.value !== 'object' || result.value === null || Array.isArray(result.value)) {
    throw new ApiError('MessageParseError', 'invalid request body');
  }
  const problem = bodyProblem(result.value);
  if (problem !== undefined) throw new ApiError('MessageParseError', problem);
  return result.value;
}

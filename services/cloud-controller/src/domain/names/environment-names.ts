import { isReservedVariable } from '../lrp/environment.ts';

/** What is wrong with variables that a user sets (cloud_controller_ng `environment_variables_validator`). */
export function environmentProblems(variables: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(variables).flatMap((name) => {
    if (name === '') return ["Environment variable names can't be empty"];
    // Readers of JSON drop `__proto__`: better to say so than to lose it on the way to the cell.
    if (name.includes('=') || name.includes('\0') || name === '__proto__')
      return [`Environment variable name '${name}' is not valid`];
    if (name === 'PORT') return ['Environment variables cannot set PORT'];
    if (name.startsWith('VCAP_')) return ["Environment variables cannot start with 'VCAP_'"];
    if (isReservedVariable(name)) return ["Environment variables cannot start with 'VMC'"];
    return String(variables[name]).includes('\0') ? [`The value of '${name}' contains a null character`] : [];
  });
}

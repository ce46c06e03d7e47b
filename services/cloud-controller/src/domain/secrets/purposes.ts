/** Names a secret for the vault. What was sealed opens under the same name only: these never change. */
export const purposes = {
  environment: (appGuid: string): string => `app ${appGuid} environment`,
  environmentGroup: (name: string): string => `${name} environment variable group`,
  revisionEnvironment: (revisionGuid: string): string => `revision ${revisionGuid} environment`,
  serviceCredentials: (instanceGuid: string): string => `service instance ${instanceGuid} credentials`,
  packagePassword: (packageGuid: string): string => `package ${packageGuid} password`,
  dropletPassword: (dropletGuid: string): string => `droplet ${dropletGuid} password`,
  imageEnvironment: (dropletGuid: string): string => `droplet ${dropletGuid} image environment`,
  runInfo: (processGuid: string): string => `process ${processGuid} run info`,
  taskCommand: (taskGuid: string): string => `task ${taskGuid} command`,
  registryPassword: (guid: string): string => `registry credentials ${guid} password`,
  offeredRegistryPassword: (guid: string): string => `registry credentials ${guid} offered password`,
  cellCredentials: (guid: string): string => `registry credentials ${guid} for cells`,
  taskSpec: (taskGuid: string): string => `task ${taskGuid} spec`,
} as const;

/** A column of secrets, which may be null, and how the secret of a row is named by what is in its key. */
export interface SealedColumn {
  readonly table: string;
  readonly key: string;
  readonly column: string;
  readonly purpose: (key: string) => string;
}

/** Every column that the vault seals. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'apps', key: 'guid', column: 'environment_variables', purpose: purposes.environment },
  { table: 'environment_variable_groups', key: 'name', column: 'variables', purpose: purposes.environmentGroup },
  { table: 'revisions', key: 'guid', column: 'environment_variables', purpose: purposes.revisionEnvironment },
  { table: 'service_instances', key: 'guid', column: 'credentials', purpose: purposes.serviceCredentials },
  { table: 'packages', key: 'guid', column: 'password', purpose: purposes.packagePassword },
  { table: 'droplets', key: 'guid', column: 'password', purpose: purposes.dropletPassword },
  { table: 'droplets', key: 'guid', column: 'image_environment', purpose: purposes.imageEnvironment },
  { table: 'run_infos', key: 'process_guid', column: 'run_info', purpose: purposes.runInfo },
  { table: 'tasks', key: 'guid', column: 'command', purpose: purposes.taskCommand },
  { table: 'tasks', key: 'guid', column: 'spec', purpose: purposes.taskSpec },
  { table: 'registry_credentials', key: 'guid', column: 'password', purpose: purposes.registryPassword },
  { table: 'registry_credentials', key: 'guid', column: 'offered_password', purpose: purposes.offeredRegistryPassword },
  { table: 'registry_credentials', key: 'guid', column: 'cell_credentials', purpose: purposes.cellCredentials },
];

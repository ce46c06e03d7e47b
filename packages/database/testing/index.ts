export { databaseContract } from './database-contract.ts';
export { engines, type TestDatabase, type TestEngine } from './engines.ts';
export { rawContent } from './raw-content.ts';

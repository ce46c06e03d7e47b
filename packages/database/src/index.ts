export { databaseEngine, type Engine } from './engine.ts';
export { MigrationError, migrate } from './migrate.ts';
export { openDatabase } from './open-database.ts';
export { scrub } from './scrub.ts';
export { serialPrimaryKey } from './serial-primary-key.ts';
export { isDiskFull, isForeignKeyViolation, isTransactionConflict, isUniqueViolation } from './violations.ts';

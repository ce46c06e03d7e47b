/** SQLite's extended result codes (sqlite.org/rescode.html). */
const SQLITE_CONSTRAINT_FOREIGNKEY = 787;
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const SQLITE_CONSTRAINT_UNIQUE = 2067;
/** No room for the database or its log; for the log's index. */
const SQLITE_FULL = 13;
const SQLITE_IOERR_SHMSIZE = 4874;
/** PostgreSQL's SQLSTATE (appendix A of its manual). */
const POSTGRES_FOREIGN_KEY_VIOLATION = '23503';
const POSTGRES_UNIQUE_VIOLATION = '23505';
const POSTGRES_SERIALIZATION_FAILURE = '40001';
const POSTGRES_DEADLOCK_DETECTED = '40P01';
const POSTGRES_DISK_FULL = '53100';

/** Whether a statement failed because such a row is there already. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, errcode } = codes(error);
  return (
    errcode === SQLITE_CONSTRAINT_UNIQUE ||
    errcode === SQLITE_CONSTRAINT_PRIMARYKEY ||
    code === POSTGRES_UNIQUE_VIOLATION
  );
}

/** Whether a statement failed because the row that it refers to is gone, or is still referred to. */
export function isForeignKeyViolation(error: unknown): boolean {
  const { code, errcode } = codes(error);
  return errcode === SQLITE_CONSTRAINT_FOREIGNKEY || code === POSTGRES_FOREIGN_KEY_VIOLATION;
}

/** Whether a transaction was undone because of another one, so that the same once more may well succeed. */
export function isTransactionConflict(error: unknown): boolean {
  const { code } = codes(error);
  return code === POSTGRES_SERIALIZATION_FAILURE || code === POSTGRES_DEADLOCK_DETECTED;
}

/** Whether a statement failed because the disk of the database is full. It has done nothing. */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = codes(error);
  return errcode === SQLITE_FULL || errcode === SQLITE_IOERR_SHMSIZE || code === POSTGRES_DISK_FULL;
}

function codes(error: unknown): { readonly code?: unknown; readonly errcode?: unknown } {
  return typeof error === 'object' && error !== null ? error : {};
}

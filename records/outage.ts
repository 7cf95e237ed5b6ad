import { isNativeError } from 'node:util/types';

/**
 * SQLSTATEs by which the server says that it can't serve now, whatever the statement was: connection lost (08),
 * rolled back in a race (40), out of disk, memory or connections (53), shutting down or starting (57P), cancelled by a time limit
 * (57014), I/O error (58), read-only after a fail-over (25006), password or database gone for the moment (28, 3D).
 */
const unreachableStates = /^(08|40|53|57P|57014|58|25006|25P03|28|3D)/;
const networkCodes = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|ENOENT|EACCES)/;
/** What the driver itself says; it gives these errors no code. */
const driverTexts =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed)/;

/** Whether the register could not be reached or could not serve, as opposed to refusing this very statement. */
export function isUnreachable(error: unknown): boolean {
  // Not `instanceof`: Node's own network errors may come from another realm than this module.
  if (!isNativeError(error)) return false;
  const { errors } = error as { errors?: unknown };
  if (Array.isArray(errors)) return errors.some(isUnreachable);
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return driverTexts.test(error.message);
  return isSqlState(code) ? unreachableStates.test(code) : networkCodes.test(code);
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
}

import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './install.mjs';

/**
 * Packages and build, each only where it is stale. Writes to stderr only: stdout belongs to the command that follows.
 * @returns {Promise<boolean>} false where it failed, which has been said
 */
export async function setup() {
  try {
    await ensureInstalled();
    await ensureBuilt();
    return true;
  } catch (error) {
    console.error(error.message);
    return false;
  }
}

import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Chromium refuses to run as root with its sandbox, and cannot set one up on Linux where neither unprivileged user namespaces
 * nor a set-uid helper is allowed: then the flag is the difference between a window and none, and we say that it is used.
 */
export function sandboxFlags(electronPath) {
  if (process.platform !== 'linux') return [];
  if (process.getuid?.() === 0) return ['--no-sandbox'];
  if (namespacesAllowed() || hasSetuidHelper(electronPath)) return [];
  console.error('Running without the Chromium sandbox: this system restricts unprivileged user namespaces.');
  return ['--no-sandbox'];
}

function namespacesAllowed() {
  const setting = (path) => {
    try {
      return readFileSync(path, 'utf8').trim();
    } catch {
      // Kernels without the setting do not restrict.
      return undefined;
    }
  };
  return (
    setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') !== '1' &&
    setting('/proc/sys/kernel/unprivileged_userns_clone') !== '0'
  );
}

function hasSetuidHelper(electronPath) {
  const helper = statSync(join(dirname(electronPath), 'chrome-sandbox'), { throwIfNoEntry: false });
  return helper !== undefined && helper.uid === 0 && (helper.mode & 0o4000) !== 0;
}

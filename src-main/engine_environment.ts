/**
 * What the engine process inherits: the user's folders and language, the loader's and the accelerators' settings. Not what
 * configures Node or Electron (`NODE_OPTIONS`, `ELECTRON_RUN_AS_NODE`) and not the secrets that shells tend to hold.
 */
const INHERITED =
  /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|TEMP|TMP|XDG_.*|USERPROFILE|APPDATA|LOCALAPPDATA|SYSTEMROOT|WINDIR)$/i;
const ACCELERATORS = /^(LD_LIBRARY_PATH|CUDA_.*|CUBLAS_.*|NVIDIA_.*|VK_.*|ORT_.*)$/;

export function engineEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {
    // Larger blocks are mapped on their own, so that an evicted expert's memory goes back to the system.
    MALLOC_MMAP_THRESHOLD_: '262144',
    // They lie in large pages, so that reading an expert's weights does not wait for address translation.
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  };
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (INHERITED.test(name) || ACCELERATORS.test(name))) kept[name] = value;
  }
  return kept;
}

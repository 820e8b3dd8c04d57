import { useEffect, useState } from 'react';

const SLOW_MS = 700;

/** True once `isOn` has lasted long enough to be worth a word; false at once when it ends. */
export function useSlow(isOn: boolean): boolean {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    if (!isOn) {
      setSlow(false);
      return;
    }
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, [isOn]);
  return isOn && isSlow;
}

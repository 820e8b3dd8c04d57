import { useEffect } from 'react';
import { useStudio } from '../app/context.tsx';

const LOOK_MS = 1000;

/** Looks at the devices once a second for as long as the component is shown; the next look waits for the answer to the last. */
export function useDevices(): void {
  const { engine, session } = useStudio();
  useEffect(() => {
    let timer: number | undefined;
    let gone = false;
    const look = async () => {
      const begunMs = performance.now();
      try {
        const { devices, absent } = await engine.request('devices', {});
        if (!gone) session.setState({ devices, absentProviders: absent });
      } catch {
        // The engine is gone or busy: what was seen last stands, and the window says that it stopped.
      }
      if (!gone) timer = window.setTimeout(look, Math.max(0, LOOK_MS - (performance.now() - begunMs)));
    };
    void look();
    return () => {
      gone = true;
      window.clearTimeout(timer);
    };
  }, [engine, session]);
}

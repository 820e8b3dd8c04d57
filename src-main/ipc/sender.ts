import { APP_ORIGIN } from '../origin.ts';

/** The part of Electron's WebFrameMain that tells who asks. */
export interface SenderFrame {
  readonly url: string;
  /** Null for the main frame of a window. */
  readonly parent: unknown;
}

/** Whether a request comes from our own page in the main frame of its window. A frame that is gone already is nobody. */
export function isTrustedSender(frame: SenderFrame | null): boolean {
  if (frame === null || frame.parent !== null) return false;
  try {
    const { protocol, host } = new URL(frame.url);
    return `${protocol}//${host}` === APP_ORIGIN;
  } catch {
    return false;
  }
}

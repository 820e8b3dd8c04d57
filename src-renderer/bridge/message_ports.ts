import type { FromEngine } from '../../engine/protocol/messages.ts';
import type { EnginePort } from './engine_link.ts';

/**
 * Two MessagePorts seen as one: requests, replies and events on `control`, frames and their acknowledgements on `frames`,
 * so that a burst of telemetry never stands before an answer.
 */
export function joinPorts(control: MessagePort, frames: MessagePort): EnginePort {
  const messages = new Set<(message: FromEngine) => void>();
  const closings = new Set<() => void>();
  let open = true;
  const closed = () => {
    if (!open) return;
    open = false;
    for (const listener of closings) listener();
  };
  for (const port of [control, frames]) {
    port.onmessage = ({ data }: MessageEvent<FromEngine>) => {
      if (open) for (const listener of messages) listener(data);
    };
    // Sent when the process at the other end goes away (Chromium 122 on; before that the host's report is what tells us).
    port.addEventListener('close', closed);
  }
  return {
    post: (message) => (message.kind === 'ack' ? frames : control).postMessage(message),
    onMessage: (listener) => messages.add(listener),
    onClose: (listener) => closings.add(listener),
    close() {
      control.close();
      frames.close();
      closed();
    },
  };
}

import type { Engine } from '../../engine/api.ts';
import { bindEngine } from '../../engine/entry/bind.ts';
import type { FromEngine, ToEngine } from '../../engine/protocol/messages.ts';
import type { EngineGone, EnginePort, EngineTransport } from '../../src-renderer/bridge/engine_link.ts';
import type { Host } from '../../src-renderer/bridge/host.ts';
import { joinPorts } from '../../src-renderer/bridge/message_ports.ts';

/** The engine at the other end of real MessagePorts, as in the desktop app: everything sent is cloned, frames are acknowledged. */
export class FakeTransport implements EngineTransport {
  private readonly makeEngine: () => Engine;
  private handlers: Parameters<EngineTransport['start']>[0] | undefined;
  private ports: MessagePort[] = [];

  constructor(makeEngine: () => Engine) {
    this.makeEngine = makeEngine;
  }

  start(handlers: Parameters<EngineTransport['start']>[0]) {
    this.handlers = handlers;
    void this.restart();
    return () => this.close();
  }

  async restart() {
    this.close();
    const control = new MessageChannel();
    const frames = new MessageChannel();
    this.ports = [control.port1, frames.port1];
    bindEngine(this.makeEngine(), engineSide(control.port1, frames.port1));
    const port: EnginePort = joinPorts(control.port2, frames.port2);
    this.handlers?.connected(port);
  }

  /** What the host reports when the process died. */
  die(gone: EngineGone) {
    this.close();
    this.handlers?.gone(gone);
  }

  private close() {
    for (const port of this.ports) port.close();
    this.ports = [];
  }
}

function engineSide(control: MessagePort, frames: MessagePort) {
  const listeners = new Set<(message: ToEngine) => void>();
  for (const port of [control, frames]) {
    port.onmessage = ({ data }: MessageEvent<ToEngine>) => {
      for (const listener of listeners) listener(data);
    };
  }
  return {
    post: (message: FromEngine) => (message.kind === 'frame' ? frames : control).postMessage(message),
    onMessage: (listener: (message: ToEngine) => void) => listeners.add(listener),
    onClose: () => {},
    close: () => {},
  };
}

/** A host without a machine around it: remembers what it was asked to keep. */
export function createFakeHost(transport: EngineTransport, kind: Host['kind'], stored: unknown) {
  const commands = new Set<(id: string) => void>();
  const kept = {
    settings: stored,
    reports: [] as { fileName: string; content: string }[],
    copied: '',
    folder: '/models/other-moe',
    labFile: '/traces/olmoe-299.jsonl.gz',
  };
  const host: Host = {
    kind,
    transport,
    chooseModelFolder: async () => (kind === 'browser' ? { kind: 'typed' } : { kind: 'path', path: kept.folder }),
    chooseLabFile: async () => (kind === 'browser' ? { kind: 'typed' } : { kind: 'path', path: kept.labFile }),
    pathOfFile: (file) => `/dropped/${file.name}`,
    recents: async () => [
      { path: '/models/demo-lm', name: 'demo-lm', openedAt: '2026-01-01T00:00:00Z', exists: true },
      { path: '/models/lost', name: 'lost', openedAt: '2025-01-01T00:00:00Z', exists: false },
    ],
    addRecent: async () => {},
    removeRecent: async () => {},
    async saveReport(fileName, content) {
      kept.reports.push({ fileName, content });
      return `/home/reports/${fileName}`;
    },
    readSettings: async () => kept.settings,
    async writeSettings(value) {
      kept.settings = value;
    },
    async copyText(text) {
      kept.copied = text;
    },
    setTheme: async () => {},
    onCommand(listener) {
      commands.add(listener);
      return () => commands.delete(listener);
    },
  };
  const choose = (id: string) => {
    for (const listener of commands) listener(id);
  };
  return { host, kept, choose };
}

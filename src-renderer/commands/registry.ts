import type { Dispose } from '../../engine/api.ts';

export interface Command {
  readonly id: string;
  /** Sentence case; ends in an ellipsis only when more input is asked for. */
  readonly title: string;
  readonly group: 'Run' | 'Model' | 'Settings' | 'View' | 'Export' | 'Help';
  /** Other words a person may search for. */
  readonly keywords?: string;
  readonly hotkeys?: readonly string[];
  /** Also while typing in a text field. */
  readonly inText?: boolean;
  /** The palette offers it to a query only. */
  readonly isTypedOnly?: boolean;
  /** Absent: always. Commands that cannot run now are not offered. */
  readonly when?: () => boolean;
  readonly run: () => unknown;
}

/** All commands by id: palette, buttons, hotkeys, the native menu and the help sheet read this one list. */
export class CommandRegistry {
  readonly #commands = new Map<string, Command>();
  readonly #onFailure: (command: Command, error: unknown) => void;

  constructor(onFailure: (command: Command, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  register(commands: readonly Command[]): Dispose {
    for (const command of commands) {
      if (this.#commands.has(command.id)) throw new Error(`Two commands are called ${command.id}`);
      this.#commands.set(command.id, command);
    }
    return () => {
      for (const command of commands) this.#commands.delete(command.id);
    };
  }

  all(): Command[] {
    return [...this.#commands.values()];
  }

  canRun(id: string): boolean {
    const command = this.#commands.get(id);
    return command !== undefined && (command.when?.() ?? true);
  }

  available(): Command[] {
    return this.all().filter(({ id }) => this.canRun(id));
  }

  get(id: string): Command | undefined {
    return this.#commands.get(id);
  }

  /** Runs a command if it can run now; what it throws or rejects with goes to the one failure handler. */
  execute(id: string): void {
    const command = this.#commands.get(id);
    if (command === undefined || !this.canRun(id)) return;
    const attempt = async () => command.run();
    attempt().catch((error) => this.#onFailure(command, error));
  }
}

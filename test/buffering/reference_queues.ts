/** Queues of experts as plain lists, oldest first. `remove` follows a `victim`. */
export interface Queues {
  load(expert: number): void;
  hit(expert: number): void;
  victim(active: readonly number[]): number;
  remove(expert: number): void;
}

/** SIEVE with the hand as a place in the list. */
export class SieveQueue implements Queues {
  private queue: { expert: number; visited: boolean }[] = [];
  private hand = 0;

  load(expert: number): void {
    this.queue.push({ expert, visited: false });
  }

  hit(expert: number): void {
    for (const entry of this.queue) if (entry.expert === expert) entry.visited = true;
  }

  victim(active: readonly number[]): number {
    const spare = this.queue.some(({ expert }) => !active.includes(expert));
    for (;;) {
      const entry = this.queue[this.hand] as { expert: number; visited: boolean };
      const spared = spare && active.includes(entry.expert);
      if (!spared && !entry.visited) return entry.expert;
      if (!spared) entry.visited = false;
      this.hand = (this.hand + 1) % this.queue.length;
    }
  }

  remove(expert: number): void {
    const place = this.queue.findIndex((entry) => entry.expert === expert);
    this.queue.splice(place, 1);
    if (place < this.hand) this.hand--;
    // Past the newest it begins again at the oldest, whoever comes in meanwhile.
    if (this.hand === this.queue.length) this.hand = 0;
  }
}

/** S3-FIFO: small and main queue, and who left the small one unused. */
export class S3Queues implements Queues {
  private small: number[] = [];
  private main: number[] = [];
  private ghosts: number[] = [];
  private readonly uses = new Map<number, number>();

  load(expert: number): void {
    this.uses.set(expert, 0);
    if (this.ghosts.includes(expert)) {
      this.ghosts = without(this.ghosts, expert);
      this.main.push(expert);
    } else this.small.push(expert);
  }

  hit(expert: number): void {
    this.uses.set(expert, Math.min(3, this.usesOf(expert) + 1));
  }

  victim(active: readonly number[]): number {
    const residents = this.small.length + this.main.length;
    const inactive = (queue: readonly number[]) => queue.filter((expert) => !active.includes(expert));
    const spare = inactive([...this.small, ...this.main]).length > 0;
    for (;;) {
      const [fromSmall] = spare ? inactive(this.small) : this.small;
      const [fromMain] = spare ? inactive(this.main) : this.main;
      const smallIsFull = this.small.length >= Math.max(1, Math.floor(residents / 10));
      if (fromSmall !== undefined && (smallIsFull || fromMain === undefined)) {
        if (this.usesOf(fromSmall) === 0) {
          this.ghosts = [...this.ghosts, fromSmall].slice(-residents);
          return fromSmall;
        }
        this.uses.set(fromSmall, 0);
        this.small = without(this.small, fromSmall);
        this.main.push(fromSmall);
      } else if (fromMain !== undefined) {
        if (this.usesOf(fromMain) === 0) return fromMain;
        this.uses.set(fromMain, this.usesOf(fromMain) - 1);
        this.main = [...without(this.main, fromMain), fromMain];
      }
    }
  }

  remove(expert: number): void {
    this.small = without(this.small, expert);
    this.main = without(this.main, expert);
  }

  private usesOf(expert: number): number {
    return this.uses.get(expert) ?? 0;
  }
}

const without = (queue: readonly number[], expert: number) => queue.filter((other) => other !== expert);

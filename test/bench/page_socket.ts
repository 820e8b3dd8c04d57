import { once } from 'node:events';
import WebSocket from 'ws';
import { sleep } from './statistics.ts';

const ANSWER_MS = 60_000;

/** One page over the debugging protocol. */
export class PageSocket {
  private next = 0;
  private readonly waiting = new Map<number, (message: { result?: unknown; error?: { message: string } }) => void>();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
      if (message.id !== undefined) this.waiting.get(message.id)?.(message);
    });
    socket.on('close', () => {
      for (const answer of this.waiting.values()) answer({ error: { message: 'the window is gone' } });
    });
  }

  static async connect(url: string): Promise<PageSocket> {
    const deadline = Date.now() + ANSWER_MS;
    while (Date.now() < deadline) {
      const targets = (await getJson(`${url}/json/list`)) as {
        type: string;
        url: string;
        webSocketDebuggerUrl: string;
      }[];
      const page = targets.find((target) => target.type === 'page' && target.url.startsWith('studio:'));
      if (page !== undefined) {
        const socket = new WebSocket(page.webSocketDebuggerUrl);
        await once(socket, 'open');
        return new PageSocket(socket);
      }
      await sleep(20);
    }
    throw new Error('the window shows no page of the studio');
  }

  /** The page may still be loading, and throw away what it was asked: it is asked again then. */
  async evaluate<T>(expression: string): Promise<T> {
    const deadline = Date.now() + ANSWER_MS;
    for (;;) {
      try {
        return await this.evaluateOnce<T>(expression);
      } catch (error) {
        if (Date.now() > deadline || !/execution context|navigated|collected/i.test((error as Error).message))
          throw error;
        await sleep(10);
      }
    }
  }

  private async evaluateOnce<T>(expression: string): Promise<T> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const answer = (await this.ask('Runtime.evaluate', params)) as {
      result: { value?: unknown };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (answer.exceptionDetails !== undefined)
      throw new Error(answer.exceptionDetails.exception?.description ?? 'failed in the page');
    return answer.result.value as T;
  }

  closeWindow(): void {
    this.ask('Page.close', {}).catch(() => undefined);
  }

  private ask(method: string, params: object): Promise<unknown> {
    const id = ++this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        this.waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(error.message));
      });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }
}

function getJson(url: string): Promise<unknown> {
  return fetch(url).then((response) => response.json());
}

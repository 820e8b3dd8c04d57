import { Toast } from '@base-ui/react/toast';

export interface Notice {
  readonly title: string;
  readonly kind: 'done' | 'error';
  readonly detail?: string;
  readonly action?: { readonly label: string; readonly run: () => void };
  /** A later notice with the same key takes the place of this one. */
  readonly key?: string;
}

export interface NoticeData {
  readonly kind: Notice['kind'];
}

export type NoticeManager = ReturnType<typeof Toast.createToastManager<NoticeData>>;

export interface Notices {
  readonly manager: NoticeManager;
  notify(notice: Notice): void;
}

/** Long enough to read and to reach Undo; errors stay until dismissed. */
const DONE_MS = 8000;

export function createNotices(): Notices {
  const manager = Toast.createToastManager<NoticeData>();
  return {
    manager,
    notify({ title, kind, detail, action, key }) {
      const id: string = manager.add({
        id: key,
        title,
        description: detail,
        timeout: kind === 'error' ? 0 : DONE_MS,
        priority: kind === 'error' ? 'high' : 'low',
        data: { kind },
        actionProps:
          action === undefined
            ? undefined
            : {
                children: action.label,
                onClick() {
                  manager.close(id);
                  action.run();
                },
              },
      });
    },
  };
}

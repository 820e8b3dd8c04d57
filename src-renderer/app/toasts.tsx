import { Toast } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import type { NoticeData } from './notices.ts';

/** Short messages with at most one action. Errors stay until they are dismissed; F6 moves the focus here. */
export function Toasts() {
  const { toasts } = Toast.useToastManager<NoticeData>();
  return (
    <Toast.Portal>
      <Toast.Viewport className="toasts">
        {toasts.map((toast) => (
          <Toast.Root
            key={toast.id}
            toast={toast}
            className={`toast toast-${toast.data?.kind ?? 'done'}`}
            swipeDirection={[]}
          >
            <Toast.Content className="toast-content">
              <div className="toast-text">
                <Toast.Title className="toast-title" />
                <Toast.Description className="toast-detail hint" />
              </div>
              <Toast.Action className="button button-link" />
              <Toast.Close className="button button-icon button-quiet" aria-label="Dismiss">
                <X size={14} aria-hidden />
              </Toast.Close>
            </Toast.Content>
          </Toast.Root>
        ))}
      </Toast.Viewport>
    </Toast.Portal>
  );
}

import '../widgets/buttons.css';
import '../widgets/fields.css';
import '../widgets/popups.css';
import '../widgets/waiting.css';
import './frame.css';
import './notices.css';
import './foot.css';
import { CSPProvider } from '@base-ui/react/csp-provider';
import { Toast } from '@base-ui/react/toast';
import { Tooltip } from '@base-ui/react/tooltip';
import { Inspector } from '../inspector/inspector.tsx';
import { type Studio, StudioContext, useSettings } from './context.tsx';
import { DialogLayer } from './dialog_layer.tsx';
import { DropOverlay } from './drop_overlay.tsx';
import { LogDrawer } from './log_drawer.tsx';
import { MainArea } from './main_area.tsx';
import { Rail } from './rail.tsx';
import { StatusBar } from './status_bar.tsx';
import { Toasts } from './toasts.tsx';
import { TopBar } from './top_bar.tsx';

/** The whole window. `studio` is made outside, so that tests mount the same tree over a fake engine. */
export function StudioWindow({ studio }: { readonly studio: Studio }) {
  return (
    // Base UI would inject <style> elements for two rules, which our policy forbids; base.css carries them instead.
    <CSPProvider disableStyleElements>
      <StudioContext value={studio}>
        <Tooltip.Provider delay={500}>
          <Toast.Provider toastManager={studio.notices.manager} limit={4}>
            <Frame />
            <Toasts />
            <DialogLayer />
            <DropOverlay />
          </Toast.Provider>
        </Tooltip.Provider>
      </StudioContext>
    </CSPProvider>
  );
}

function Frame() {
  const inspectorOpen = useSettings((s) => s.ui.inspectorOpen);
  const logOpen = useSettings((s) => s.ui.logOpen);
  return (
    <div className={`frame ${inspectorOpen ? '' : 'frame-wide'}`}>
      <TopBar />
      <Rail />
      <MainArea />
      {inspectorOpen && <Inspector />}
      {logOpen && <LogDrawer />}
      <StatusBar />
    </div>
  );
}

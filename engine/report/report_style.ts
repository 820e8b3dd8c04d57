/** The report's only style sheet. Colours are the studio's (src-renderer/theme/tokens.css), light and dark by the reader's system. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;
--bg:#f4f5f6;--panel:#fff;--line:#dde1e5;--text:#15191d;--dim:#515b65;--faint:#606a74;--accent:#0072b2;--good:#007a5e;--warn:#8f5a00;--bad:#c4342a;
--grid:#eceff1;--waited:rgba(217,140,0,.26);
--m-embedding:#7b8792;--m-attention:#0072b2;--m-dense:#4b9bd0;--m-experts:#d98c00;--m-kv:#008f6e;--m-gating:#c45a7b;--m-execution:#8f63b5;
--device-0:#0077b6;--device-1:#c97f00;--device-2:#008f6e;--device-3:#c2588f;--device-4:#8f8500;--device-5:#2f5fc4;--device-6:#c8500f;--device-7:#5d6873}
@media (prefers-color-scheme:dark){:root{
--bg:#101214;--panel:#16191c;--line:#2a2f35;--text:#e6e9ec;--dim:#a3adb7;--faint:#88929d;--accent:#5cc8ff;--good:#2dbd9a;--warn:#f0b429;--bad:#ff7a6e;
--grid:#23282d;--waited:rgba(240,162,2,.26);
--m-embedding:#7f8c99;--m-attention:#0091d5;--m-dense:#4db6e8;--m-experts:#f0a202;--m-kv:#12a683;--m-gating:#e0708f;--m-execution:#b98bd6;
--device-0:#5cc8ff;--device-1:#f0a202;--device-2:#2dbd9a;--device-3:#e58fb8;--device-4:#e8dc5a;--device-5:#4f93e8;--device-6:#f0793d;--device-7:#b9c2cb}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:13px/20px Inter,"Inter Variable",system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:32px 20px 48px}
h1{margin:0;font-size:24px;line-height:32px;font-weight:600;letter-spacing:-.01em}
h2{margin:36px 0 12px;font-size:15px;line-height:20px;font-weight:600}
h3{margin:0;font-size:13px;font-weight:600}
p{margin:0}
.sub{color:var(--dim)}
.notice{margin-top:16px;padding:8px 12px;border:1px solid var(--warn);border-radius:6px;color:var(--warn)}
.figures{display:grid;grid-template-columns:repeat(6,1fr);margin:24px 0 16px;border:1px solid var(--line);border-radius:8px;background:var(--panel)}
.figures div{padding:12px 14px;border-left:1px solid var(--line)}
.figures div:first-child{border-left:0}
.figures dt{color:var(--dim);font-size:12px;line-height:16px}
.figures dd{margin:4px 0 0;font-size:20px;line-height:24px;font-weight:600;letter-spacing:-.01em;white-space:nowrap}
.figures dd span{font-size:12px;font-weight:400;letter-spacing:0;color:var(--dim);margin-left:4px}
.figures dd+dd{font-size:11px;line-height:16px;font-weight:400;letter-spacing:0;color:var(--faint);white-space:normal;margin-top:2px}
.panels{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:12px}
.panel{display:flex;flex-direction:column;background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:12px 14px;break-inside:avoid}
.panel header{display:flex;align-items:baseline;gap:10px;flex-wrap:nowrap}
.panel header .sub{flex:1;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.panel td,.panel th{padding-top:1px;padding-bottom:1px;line-height:18px}
.panel h3{white-space:nowrap}
.panel header b{font-size:18px;font-weight:600;letter-spacing:-.01em;white-space:nowrap}
.panel header b span{font-size:12px;font-weight:400;letter-spacing:0;color:var(--dim);margin-left:4px}
.panel svg{display:block;width:100%;margin:10px 0 6px}
.panel>p{margin-top:auto;color:var(--dim);padding-top:2px}
.origin{display:inline-block;font-size:11px;line-height:16px;color:var(--faint);border:1px solid var(--line);border-radius:4px;padding:0 5px;white-space:nowrap}
svg text{font-size:11px;fill:var(--dim)}
svg .tick{fill:var(--faint)}
svg .grid{stroke:var(--grid)}
svg .axis{stroke:var(--line)}
svg .mark{stroke:var(--faint);stroke-dasharray:2 3}
svg .mark-label,svg .value{fill:var(--dim);paint-order:stroke;stroke:var(--panel);stroke-width:4px;stroke-linejoin:round}
svg .guide{stroke:var(--faint);stroke-dasharray:2 3}
svg .level{stroke-width:1.2;stroke-dasharray:5 3}
svg .level.limit{stroke:var(--bad)}
svg .level.reference{stroke:var(--faint)}
svg .end.limit{fill:var(--bad)}
svg .line{fill:none;stroke:var(--c);stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
svg .line.peak{stroke-width:1;stroke-opacity:.75}
svg .area,svg .bar,svg .part{fill:var(--c)}
svg .bar{fill-opacity:.72}
svg .bar.most{fill-opacity:1}
svg .under{fill:var(--c);fill-opacity:.1}
svg .whisker{stroke:var(--text);stroke-opacity:.55;stroke-width:1.2}
svg .point{fill:var(--panel);stroke:var(--c,var(--text));stroke-width:2}
.idle{--c:var(--accent)}.cache,.point{--c:var(--m-experts)}.peak{--c:var(--text)}
.m-embedding{--c:var(--m-embedding)}.m-attention{--c:var(--m-attention)}.m-dense{--c:var(--m-dense)}.m-experts{--c:var(--m-experts)}.m-kv{--c:var(--m-kv)}.m-gating{--c:var(--m-gating)}.m-execution{--c:var(--m-execution)}
svg .light{fill-opacity:.55}
.d0{--c:var(--device-0)}.d1{--c:var(--device-1)}.d2{--c:var(--device-2)}.d3{--c:var(--device-3)}.d4{--c:var(--device-4)}.d5{--c:var(--device-5)}.d6{--c:var(--device-6)}.d7{--c:var(--device-7)}
.swatch{display:inline-block;width:9px;height:9px;border-radius:2px;background:var(--c);margin-right:7px}
.swatch.light{opacity:.55}
table{border-collapse:collapse;width:100%}
th,td{padding:3px 12px 3px 0;text-align:right;font-weight:400;white-space:nowrap}
th{color:var(--dim);font-size:12px;border-bottom:1px solid var(--line)}
td{border-bottom:1px solid var(--grid)}
tr:last-child td{border-bottom:0}
th:first-child,td:first-child,.words th,.words td{text-align:left}
th:last-child,td:last-child{padding-right:0}
.words td:first-child{color:var(--dim);width:42%}
.words td{white-space:normal;overflow-wrap:anywhere}
.words tr.head td{color:var(--text);font-weight:600;padding-top:10px}
.box{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:10px 14px;overflow-x:auto}
.box+.box,.box+.two,.two+.box{margin-top:12px}
.box h3{margin-bottom:6px}
.two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:12px}
.two .box+.box{margin-top:0}
.box p{padding-top:6px}
.good{color:var(--good)}.bad{color:var(--bad)}
details summary{cursor:pointer;color:var(--accent);padding:2px 0}
details[open] summary{margin-bottom:6px}
.text{font:12px/18px "JetBrains Mono","JetBrains Mono Variable",ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.text i{font-style:normal;color:var(--faint)}
.text mark{background:var(--waited);color:inherit;border-radius:2px}
.texts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px 28px}
.texts h3 .sub{font-weight:400;margin-left:6px}
.texts .text{margin-top:4px}
.notes{color:var(--dim);padding-left:18px;margin:0}
footer{margin-top:32px;color:var(--faint);font-size:12px}
@media (max-width:860px){.panels,.two,.texts{grid-template-columns:minmax(0,1fr)}.figures{grid-template-columns:repeat(3,1fr)}.figures div:nth-child(4){border-left:0}.figures div:nth-child(n+4){border-top:1px solid var(--line)}}
@media print{body{background:none}main{max-width:none;padding:0}.box,.figures,.panel{break-inside:avoid}details:not([open])>*{display:revert}}
`;

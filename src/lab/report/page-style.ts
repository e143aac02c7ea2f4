/** For light mode and for print. */
const SERIES_ON_LIGHT = `--series-0: #0b5f78;
  --series-1: #b06c00;
  --series-2: #5b3fa3;
  --series-3: #2e7d32;
  --series-4: #b3261e;
  --series-5: #5d6d75;
  --series-6: #a0307a;`;

export const PAGE_STYLE = `
:root {
  ${SERIES_ON_LIGHT}
}
@media (prefers-color-scheme: dark) {
  :root {
    --series-0: #62c3dc;
    --series-1: #f3b64c;
    --series-2: #b49cf0;
    --series-3: #7fc983;
    --series-4: #f2857c;
    --series-5: #9bb0b8;
    --series-6: #e58fc4;
  }
}
section { margin: clamp(2.5rem, 6vw, 4rem) 0; }
h1 { max-width: 22ch; font-size: clamp(1.8rem, 4.4vw, 2.9rem); }
dl { max-width: 52rem; }
dd, footer { overflow-wrap: anywhere; }
.intro pre { white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: 0.5rem 0; border: 1px solid var(--rule); border-radius: 8px; padding: 0.5rem 0.75rem; }
summary { cursor: pointer; }
details pre { overflow-x: auto; font-size: 0.85em; }
details dl { margin-top: 0.75rem; }
details h3 { margin: 1rem 0 0.25rem; font-size: 1rem; }
.models summary { display: grid; grid-template-columns: minmax(9rem, 1fr) minmax(10rem, 2fr) minmax(4rem, 2fr) 6rem; gap: 0.75rem; align-items: center; }
.models summary .bar { height: 0.75rem; }
.models summary .bar i { display: block; height: 100%; min-width: 2px; background: var(--series-0); border-radius: 2px; }
.models summary .us { text-align: right; font-variant-numeric: tabular-nums; }
.reading { columns: auto; max-width: 52rem; padding-left: 0.75rem; border-left: 3px solid var(--series-0); }
.chart { position: relative; margin: 0 0 1.25rem; padding: 0.75rem; border: 1px solid var(--rule); border-radius: 8px; background: var(--panel); box-sizing: content-box; max-width: calc(100% - 1.5rem); }
tbody th { color: var(--ink); font-weight: 600; }
.number { text-align: right; }
td:last-child:not(.number) { white-space: normal; min-width: 14rem; }
@media (max-width: 40rem) {
  .models summary { grid-template-columns: minmax(0, 1fr) 6rem; gap: 0.25rem 0.75rem; }
  .models summary > * { grid-column: 1 / -1; }
  .models summary .bar { grid-column: 1; }
  .models summary .us { grid-column: 2; }
  dl { grid-template-columns: minmax(0, 1fr); }
  dt { padding-bottom: 0; }
  dd { padding-top: 0; border-top: 0; }
}
@media print {
  :root {
    --panel: #ffffff;
    --ink: #12242d;
    --muted: #4d626c;
    --rule: #cfdadf;
    --user: #0b5f78;
    --kernel: #8a5300;
    ${SERIES_ON_LIGHT}
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  section { margin: 1.5rem 0; }
  h2, section > p { break-after: avoid; }
  .chart, tr { break-inside: avoid; }
  .chart canvas { max-width: 100% !important; }
  .scroll { overflow: visible; }
  .models summary .bar i { print-color-adjust: exact; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  td, th { white-space: normal; padding-right: 0.75rem; }
}
`;

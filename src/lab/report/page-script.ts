/**
 * Draws the charts in the colours of the style sheet, and redraws them when those change, for dark mode or print.
 * Plain JavaScript in a string, because the project has no type definitions for browsers.
 */
export const PAGE_SCRIPT = `'use strict';
const charts = JSON.parse(document.getElementById('charts').textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
const SERIES_COLOURS = 7;
const DASHES = [[], [7, 4], [2, 3]];
const short = (value) => Number(value).toLocaleString('en', { maximumSignificantDigits: 3 });

/** The range over the rounds, across the end of a bar or through a point. */
const whiskers = {
  id: 'whiskers',
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    const horizontal = chart.options.indexAxis === 'y';
    const scale = horizontal ? chart.scales.x : chart.scales.y;
    ctx.save();
    ctx.lineWidth = 1.5;
    chart.data.datasets.forEach((dataset, at) => {
      if (!dataset.low || !chart.isDatasetVisible(at)) return;
      ctx.strokeStyle = horizontal ? colour('ink') : dataset.borderColor;
      chart.getDatasetMeta(at).data.forEach((element, index) => {
        const low = dataset.low[index];
        const high = dataset.high[index];
        if (low === null || high === null || low === high) return;
        const from = scale.getPixelForValue(low);
        const to = scale.getPixelForValue(high);
        const line = (x1, y1, x2, y2) => { ctx.moveTo(x1, y1); ctx.lineTo(x2, y2); };
        ctx.beginPath();
        if (horizontal) {
          line(from, element.y, to, element.y);
          for (const x of [from, to]) line(x, element.y - 3, x, element.y + 3);
        } else {
          line(element.x, from, element.x, to);
          for (const y of [from, to]) line(element.x - 3, y, element.x + 3, y);
        }
        ctx.stroke();
      });
    });
    ctx.restore();
  },
};

/** The power of ten below all values. */
function decadeBelow(series) {
  const least = Math.min(...series.flatMap(({ values, low }) => [...values, ...(low ?? [])]).filter((value) => value > 0));
  return Number.isFinite(least) ? 10 ** (Math.ceil(Math.log10(least)) - 1) : undefined;
}

function draw(canvas) {
  Chart.getChart(canvas)?.destroy();
  const { kind, labels, series, unit, stacked = false, logarithmic = false, labelTitle = '' } = charts[canvas.dataset.chart];
  const horizontal = kind === 'bars';
  const grid = { color: colour('rule') };
  const ticks = { color: colour('muted') };
  const title = (text) => ({ display: text !== '', text, color: colour('muted') });
  const values = {
    type: logarithmic ? 'logarithmic' : 'linear',
    beginAtZero: !logarithmic,
    // The least bar has a length too.
    ...(logarithmic && horizontal ? { min: decadeBelow(series) } : {}),
    stacked,
    grid,
    title: title(unit),
    ticks: { ...ticks, maxRotation: 0, autoSkip: true, maxTicksLimit: 8, callback: short },
    // A whisker may extend beyond all bars.
    suggestedMax: Math.max(0, ...series.flatMap(({ values, high }) => [...values, ...(high ?? [])])),
  };
  const categories = { stacked, grid: horizontal ? { display: false } : grid, ticks: { ...ticks, color: colour('ink'), autoSkip: false }, title: title(labelTitle) };
  return new Chart(canvas, {
    type: horizontal ? 'bar' : 'line',
    data: {
      labels,
      datasets: series.map(({ name, values, low, high }, at) => ({
        label: name,
        data: values,
        low,
        high,
        backgroundColor: colour('series-' + (at % SERIES_COLOURS)),
        borderColor: colour('series-' + (at % SERIES_COLOURS)),
        borderDash: horizontal ? [] : DASHES[Math.floor(at / SERIES_COLOURS) % DASHES.length],
        borderWidth: horizontal ? 0 : 2,
        pointRadius: 3,
        maxBarThickness: 22,
      })),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      indexAxis: horizontal ? 'y' : 'x',
      scales: horizontal ? { x: values, y: categories } : { x: categories, y: values },
      plugins: {
        legend: { display: series.length > 1, position: 'bottom', labels: { color: colour('ink'), boxWidth: horizontal ? 14 : 28, usePointStyle: !horizontal, pointStyle: 'line' } },
        tooltip: {
          callbacks: {
            label: ({ dataset, dataIndex }) => {
              const { label, data, low, high } = dataset;
              const range = low && low[dataIndex] !== high[dataIndex] ? ' (' + short(low[dataIndex]) + ' to ' + short(high[dataIndex]) + ')' : '';
              return label + ': ' + short(data[dataIndex]) + ' ' + unit + range;
            },
          },
        },
      },
    },
    plugins: [whiskers],
  });
}

/** A link to a model leads into its closed details. */
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
openTarget();
addEventListener('hashchange', openTarget);

Chart.defaults.font.family = colour('sans');
const drawAll = () => document.querySelectorAll('canvas[data-chart]').forEach(draw);
drawAll();
for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', drawAll);
`;

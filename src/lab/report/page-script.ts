/**
 * Draws the charts, in the colours of the style sheet, and again when those change: at night, and on paper. The
 * language is that of browsers, which this project has no types for.
 */
export const PAGE_SCRIPT = `'use strict';
const charts = JSON.parse(document.getElementById('charts').textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
const SERIES_COLOURS = 7;
const DASHES = [[], [7, 4], [2, 3]];
const short = (value) => Number(value).toLocaleString('en', { maximumSignificantDigits: 3 });

/** From the least to the most of the rounds, across the end of a bar or through a point. */
const whiskers = {
  id: 'whiskers',
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    const lying = chart.options.indexAxis === 'y';
    const scale = lying ? chart.scales.x : chart.scales.y;
    ctx.save();
    ctx.lineWidth = 1.5;
    chart.data.datasets.forEach((dataset, at) => {
      if (!dataset.low || !chart.isDatasetVisible(at)) return;
      ctx.strokeStyle = lying ? colour('ink') : dataset.borderColor;
      chart.getDatasetMeta(at).data.forEach((element, index) => {
        const low = dataset.low[index];
        const high = dataset.high[index];
        if (low === null || high === null || low === high) return;
        const from = scale.getPixelForValue(low);
        const to = scale.getPixelForValue(high);
        const line = (x1, y1, x2, y2) => { ctx.moveTo(x1, y1); ctx.lineTo(x2, y2); };
        ctx.beginPath();
        if (lying) {
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

function draw(canvas) {
  Chart.getChart(canvas)?.destroy();
  const { kind, labels, series, unit, stacked = false, logarithmic = false, across = '' } = charts[canvas.dataset.chart];
  const lying = kind === 'bars';
  const grid = { color: colour('rule') };
  const ticks = { color: colour('muted') };
  const title = (text) => ({ display: text !== '', text, color: colour('muted') });
  const values = {
    type: logarithmic ? 'logarithmic' : 'linear',
    beginAtZero: !logarithmic,
    stacked,
    grid,
    title: title(unit),
    ticks: { ...ticks, maxRotation: 0, autoSkip: true, maxTicksLimit: 8, callback: short },
    // A whisker may reach farther than any bar.
    suggestedMax: Math.max(0, ...series.flatMap(({ values, high }) => [...values, ...(high ?? [])])),
  };
  const names = { stacked, grid: lying ? { display: false } : grid, ticks: { ...ticks, color: colour('ink'), autoSkip: false }, title: title(across) };
  return new Chart(canvas, {
    type: lying ? 'bar' : 'line',
    data: {
      labels,
      datasets: series.map(({ name, values, low, high }, at) => ({
        label: name,
        data: values,
        low,
        high,
        backgroundColor: colour('series-' + (at % SERIES_COLOURS)),
        borderColor: colour('series-' + (at % SERIES_COLOURS)),
        borderDash: lying ? [] : DASHES[Math.floor(at / SERIES_COLOURS) % DASHES.length],
        borderWidth: lying ? 0 : 2,
        pointRadius: 3,
        maxBarThickness: 22,
      })),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      indexAxis: lying ? 'y' : 'x',
      scales: lying ? { x: values, y: names } : { x: names, y: values },
      plugins: {
        legend: { display: series.length > 1, position: 'bottom', labels: { color: colour('ink'), boxWidth: lying ? 14 : 28, usePointStyle: !lying, pointStyle: 'line' } },
        tooltip: {
          callbacks: {
            label: ({ dataset, dataIndex }) => {
              const { label, data, low, high } = dataset;
              const spread = low && low[dataIndex] !== high[dataIndex] ? ' (' + short(low[dataIndex]) + ' to ' + short(high[dataIndex]) + ')' : '';
              return label + ': ' + short(data[dataIndex]) + ' ' + unit + spread;
            },
          },
        },
      },
    },
    plugins: [whiskers],
  });
}

Chart.defaults.font.family = colour('sans');
const drawAll = () => document.querySelectorAll('canvas[data-chart]').forEach(draw);
drawAll();
for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', drawAll);
`;

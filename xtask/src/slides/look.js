// What is wrong with the slides of a page, as a list of texts.
(() => {
  const faults = [], press = key => dispatchEvent(new KeyboardEvent('keydown', { key }));
  const fault = text => faults.push(`slide ${at + 1}, ${title(slides[at])}: ${text}`);
  const hasText = it => [...it.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
  // First, because a browser soon ignores addresses that change too often.
  press('3'), press('Enter');
  if (location.hash !== '#3') fault('3 and Enter do not lead to slide 3');
  slides.forEach((slide, i) => {
    go(i, 99);
    if (slide.scrollHeight > slide.clientHeight + 1 || slide.scrollWidth > slide.clientWidth + 1) {
      fault(`it overflows: ${slide.scrollWidth} × ${slide.scrollHeight}`);
    }
    for (const it of slide.querySelectorAll(':scope > :not(aside), :scope > div :not(figure *)')) {
      const size = parseFloat(getComputedStyle(it).fontSize), least = it.closest('code, pre') ? 18 : 24;
      if (hasText(it) && size < least - 0.1) fault(`"${it.textContent.slice(0, 30)}" has ${size} px`);
    }
    for (const it of slide.querySelectorAll('figure text, figure tspan, figure foreignObject *')) {
      const { a, b } = (it.closest('foreignObject') ?? it).getScreenCTM();
      const size = parseFloat(getComputedStyle(it).fontSize) * Math.hypot(a, b);
      if (hasText(it) && size < 15) fault(`"${it.textContent.slice(0, 30)}" has ${size.toFixed(1)} px in a diagram; draw it smaller`);
    }
  });
  const steps = slides.length - 1 + document.querySelectorAll('.later').length;
  press('Home');
  for (let i = 0; i < steps; i++) press(['ArrowRight', ' ', 'PageDown'][i % 3]);
  if (at !== slides.length - 1 || hidden().length) fault('the keys do not lead to the end');
  for (let i = 0; i < steps; i++) press(['ArrowLeft', 'PageUp'][i % 2]);
  if (at !== 0) fault('the keys do not lead back');
  return faults;
})()

// What is wrong on the page that is open, where it leads, and where one can arrive.
(async () => {
  const faults = [];
  const width = 390;
  if (document.documentElement.scrollWidth > width) {
    const wide = [...document.querySelectorAll("body *")]
      .filter((it) => it.getBoundingClientRect().right > width + 1)
      .map((it) => `<${it.tagName.toLowerCase()} class="${it.className}">`);
    faults.push(`wider than the screen of ${width} px: ${wide.slice(0, 5).join(" ")}`);
  }
  for (const diagram of document.querySelectorAll(".diagram")) {
    const svg = diagram.querySelector("svg");
    const box = svg?.getBoundingClientRect();
    if (!box || box.width < 50 || box.height < 50 || !svg.textContent.trim()) {
      faults.push("a diagram is not drawn");
    }
  }
  if (document.querySelector("code.language-mermaid")) faults.push("a diagram is not drawn, but shown as text");
  const code = document.querySelector("pre > code");
  if (code) {
    const button = code.parentElement.querySelector(".clip-button");
    if (!button) faults.push("a code block has no button that copies it");
    else {
      await navigator.clipboard.writeText("nothing");
      button.click();
      await new Promise((then) => setTimeout(then));
      const copied = await navigator.clipboard.readText();
      if (copied.trim() !== code.textContent.trim()) faults.push(`a code block's button copies ${copied}`);
    }
  }
  const inside = [...document.querySelectorAll("a[href]")].map((it) => it.href);
  return {
    faults,
    links: inside.filter((it) => it.startsWith("file:")).map(decodeURIComponent),
    anchors: [...document.querySelectorAll("[id]")].map((it) => it.id),
  };
})()

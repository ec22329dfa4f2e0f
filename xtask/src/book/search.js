// Searches for a word as a reader does, and returns the pages that are found.
(async () => {
  const toggle = document.getElementById("mdbook-search-toggle");
  const input = document.getElementById("mdbook-searchbar");
  if (!toggle || !input) return [];
  if (document.getElementById("mdbook-search-wrapper").classList.contains("hidden")) toggle.click();
  const head = () => document.getElementById("mdbook-searchresults-header").textContent;
  for (let tries = 0; tries < 400 && !head().includes("WORD"); tries++) {
    input.value = "WORD";
    input.dispatchEvent(new KeyboardEvent("keyup"));
    await new Promise((then) => setTimeout(then, 50));
  }
  return [...document.querySelectorAll("#mdbook-searchresults a")].map((it) => it.getAttribute("href"));
})()

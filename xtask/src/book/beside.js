// On a wide screen, the pages of a step can have its diff beside them.
(() => {
  const step = location.pathname.match(/\/(0\d-[^/]+)\/[A-Z]+\.html$/);
  const bar = document.querySelector(".right-buttons");
  if (!step || !bar || window.top !== window) return;
  const button = document.createElement("button");
  button.id = "diff-toggle";
  button.textContent = "diff";
  button.title = "What the step changes, beside the text";
  bar.prepend(button);
  const show = (shown) => {
    document.documentElement.classList.toggle("with-diff", shown);
    button.setAttribute("aria-pressed", shown);
    localStorage.setItem("diff-beside", shown);
    if (!shown || document.getElementById("diff")) return;
    const frame = document.createElement("iframe");
    frame.id = "diff";
    frame.title = button.title;
    frame.src = `${path_to_root}code/${step[1]}.html`;
    document.body.append(frame);
  };
  button.addEventListener("click", () => show(!document.documentElement.classList.contains("with-diff")));
  // On a phone the button is not shown, and the frame would only cost time.
  if (localStorage.getItem("diff-beside") === "true" && matchMedia("(min-width: 1080px)").matches) show(true);
})();

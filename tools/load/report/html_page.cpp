#include "tools/load/report/html_page.hpp"

#include <fmt/format.h>

#include "tools/load/report/html_text.hpp"
#include "tools/load/report/svg_plot.hpp"

namespace sluice::load {
namespace {

constexpr std::string_view page_style = R"(
:root{color-scheme:light dark;--ground:#fff;--text:#1c2126;--quiet:#56616b;--card:#f4f6f8;--line:#d8dce0;
 --good:#0a6b3f;--bad:#b3151b;--bad-ground:#fdecec}
@media (prefers-color-scheme:dark){@media screen{:root{--ground:#14181c;--text:#e6eaee;--quiet:#a3aeb8;--card:#1d2329;--line:#343b43;
 --good:#4fce8f;--bad:#ff8a85;--bad-ground:#3a1a1b}}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:60rem;background:var(--ground);color:var(--text);
 font:16px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:0}
h1+p,figcaption p{margin:.2rem 0;color:var(--quiet)}
section,.plot{margin:2rem 0 0;padding:1rem 0 0;border-top:1px solid var(--line)}
section>h2{margin-bottom:.5rem}
.banner{border:2px solid var(--bad);background:var(--bad-ground);border-radius:.4rem;padding:.8rem 1rem;margin:1rem 0 0}
.banner strong{color:var(--bad);font-size:1.2rem}.banner ul{margin:.3rem 0 0;padding-left:1.2rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(12rem,1fr));gap:.6rem;margin:1.2rem 0 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem}
.figures dt{font-size:.8rem;color:var(--quiet)}.figures dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
.figures .bad dd{color:var(--bad)}.figures .alarm{border:2px solid var(--bad);background:var(--bad-ground)}
.figures .alarm dd,.figures .alarm dt,.figures .alarm small{color:var(--bad)}
.figures small{display:block;font-size:.8rem;color:var(--quiet)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
th,td{text-align:right;padding:.25rem .8rem;border-bottom:1px solid var(--line)}
th{overflow-wrap:normal}th:first-child,td:first-child{text-align:left;padding-left:0}td{white-space:nowrap}td.text{text-align:left;white-space:normal}
.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
.environment{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}
.environment dt{color:var(--quiet)}.environment dd{margin:0}code{font:.9em ui-monospace,monospace}
@media (max-width:32rem){.environment{grid-template-columns:1fr}.environment dd{margin-bottom:.4rem}}
@media print{body{padding:0;font-size:12px;max-width:none}.figures div,.banner,tr{break-inside:avoid}}
)";

}  // namespace

std::string render_page(std::string_view title, std::string_view body) {
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
        "data:\">"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\">"
        "<title>{}</title>\n<style>{}{}</style></head>\n<body>\n{}</body></html>\n",
        escaped_html(title), page_style, plot_style(), body);
}

}  // namespace sluice::load

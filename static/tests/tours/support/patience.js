/** Milliseconds in which a step has to come about: a busy machine makes no tour fail. */
const PATIENCE = 60_000;

// It is loaded when the first tour starts.
const RUNNER = "@web_tour/js/tour_automatic/tour_automatic";

odoo.loader.bus.addEventListener("module-started", ({ detail }) => {
    if (detail.moduleName === RUNNER) {
        detail.module.TourAutomatic.prototype.timeout = PATIENCE;
    }
});

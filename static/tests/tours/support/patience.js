import { TourAutomatic } from "@web_tour/js/tour_automatic/tour_automatic";

/** Milliseconds in which a step has to come about: a busy machine makes no tour fail. */
TourAutomatic.prototype.timeout = 60_000;

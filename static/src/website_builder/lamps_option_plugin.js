import { BaseOptionComponent } from "@html_builder/core/utils";
import { Plugin } from "@html_editor/plugin";
import { onWillStart } from "@odoo/owl";
import { registry } from "@web/core/registry";

/** Which channel's lamps the block shows. */
export class LampsOption extends BaseOptionComponent {
    static template = "im_livechat_subaccount.LampsOption";
    static selector = ".s_livechat_lamps";

    setup() {
        super.setup();
        this.channels = [];
        onWillStart(async () => {
            this.channels = await this.services.orm.call(
                "im_livechat.channel",
                "get_lamp_channels",
                [],
            );
        });
    }
}

class LampsOptionPlugin extends Plugin {
    static id = "livechatLampsOption";
    resources = {
        builder_options: [LampsOption],
        so_content_addition_selector: [".s_livechat_lamps"],
    };
}

registry.category("website-plugins").add(LampsOptionPlugin.id, LampsOptionPlugin);
